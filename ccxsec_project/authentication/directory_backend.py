"""Signing in with the password of the directory, as Django asks for it."""

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from ccxsec_project.authentication.accounts import directory, groups_of, joined, names_of
from ccxsec_project.authentication.directory import Person, find
from certificates.access import acting_as, client_address
from certificates.models import Event
from certificates.refusal import Refused
from certificates.sentence import say

NOT_ASKED = ("directory.silent", "directory.answer")
_log = logging.getLogger(__name__)


class DirectoryBackend(BaseBackend):
    """Asked after the local users; their names and passwords are never sent to the directory."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_: Any,
    ) -> User | None:
        """Who signs in; each time that the directory was told a password can be audited.

        Raises:
            Refused: directory.*: the password was right, or not sent; password.answer: no answer.
        """
        if not username or not password or is_local(username):
            return None
        address = client_address(request) if request else "unknown address"
        try:
            person = find(username, password)
            if person is None:
                return None
            with acting_as(f"LDAP directory, {address}"):  # it is who gives and takes the groups
                return account_of(person)
        except Refused as refused:
            if refused.code not in NOT_ASKED:  # Django tells it of a None alone
                credentials = {"username": username}
                user_login_failed.send(__name__, credentials=credentials, request=request)
            raise

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()


def account_of(person: Person) -> User:
    """The user of an entry, with its name; made at the first sign-in, groups are set at each.

    Raises:
        Refused: directory.group, directory.inactive, directory.name.
    """
    groups = groups_of(person.groups, settings.CCXSEC_LDAP_GROUPS)
    user = joined(directory(), person.subject, groups, lambda: _made(person))
    if user is None or not groups:
        _log.info("%r is in no group that CCXSEC_LDAP_GROUPS names: not let in", person.dn)
        wrong = say("You belong to no group of the directory that may sign in here.")
        raise Refused("directory.group", wrong, say("Ask an administrator."))
    if not user.is_active:
        wrong = say("This user was switched off here.")
        raise Refused("directory.inactive", wrong, say("Ask an administrator."))
    if user.get_username() != person.name:
        _rename(user, person)
    return user


@transaction.atomic
def _rename(user: User, person: Person) -> None:
    """The entry has another name by now. Raises `Refused` directory.name."""
    Event.objects.hold()
    _named(user, person)
    user.save(update_fields=["username"])


def is_local(name: str) -> bool:
    """Whether somebody of this name, in whatever letters, is none of the directory."""
    others = User.objects.exclude(external_identity__issuer=directory())
    return name.casefold() in names_of(others)


def _made(person: Person) -> User:
    user = User(is_staff=True)
    _named(user, person)
    user.set_unusable_password()
    user.save()
    return user


def _named(user: User, person: Person) -> None:
    """Raises `Refused` directory.name."""
    user.username = person.name
    field = User._meta.get_field("username")
    try:
        field.run_validators(person.name)
        is_free = person.name.casefold() not in names_of(User.objects.exclude(pk=user.pk))
    except ValidationError:
        is_free = False
    if not is_free or len(person.name) > (field.max_length or 0):
        wrong = say("Your name in the directory can't be one here, or somebody else has it here.")
        raise Refused("directory.name", wrong, say("Ask an administrator to rename one of them."))
