"""`./ccxsec users`: let somebody in again who is locked out or has lost the second factor."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import CommandParser
from django.utils import timezone

from ccxsec_project.authentication import lock_out, second_factor
from ccxsec_project.authentication.accounts import groups_of
from certificates.access import command_line
from certificates.management.operator_command import Answer, OperatorCommand
from certificates.refusal import Refused


class Command(OperatorCommand):
    help = "People who sign in."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        self.verb(verbs, "list", self.list, "who may sign in, with which second factor")
        unlock = self.verb(verbs, "unlock", self.unlock, "forget the failed attempts of a name")
        unlock.add_argument("name")
        reset = self.verb(
            verbs, "reset-second-factor", self.reset, "take away a lost second factor"
        )
        reset.add_argument("name")
        look_up = self.verb(
            verbs, "look-up", self.look_up, "ask the LDAP directory for a name, as at the sign-in"
        )
        look_up.add_argument("name")

    def list(self, options: dict[str, Any]) -> Answer:
        now = timezone.now()
        return [
            {
                "name": user.get_username(),
                "active": "yes" if user.is_active and user.is_staff else "no",
                "second_factor": "yes" if second_factor.is_enrolled(user) else "no",
                "recovery_codes": str(second_factor.codes_left(user)),
                "locked": "yes" if lock_out.is_locked(user.get_username(), now=now) else "no",
            }
            for user in User.objects.order_by("username")
        ]

    def unlock(self, options: dict[str, Any]) -> Answer:
        name = _user(options["name"]).get_username()
        done = lock_out.unlock(name, actor=str(command_line()))
        return {"user": name, "result": "unlocked" if done else "no failure was counted"}

    def reset(self, options: dict[str, Any]) -> Answer:
        user = _user(options["name"])
        done = second_factor.reset(user, actor=str(command_line()))
        return {
            "user": user.get_username(),
            "result": "the second factor is removed" if done else "there was no second factor",
        }

    def look_up(self, options: dict[str, Any]) -> Answer:
        """Raises `Refused` directory.*."""
        if not settings.CCXSEC_LDAP_URL:
            wrong = "No LDAP directory is set."
            raise Refused("directory.off", wrong, "Set CCXSEC_LDAP_URL (docs/sign-in.md).")
        from ccxsec_project.authentication.directory import find  # noqa: PLC0415 - loads ldap3
        from ccxsec_project.authentication.directory_backend import is_local  # noqa: PLC0415

        person = find(options["name"], None)
        if person is None:
            wrong = f"The directory has nobody of the name {options['name']!r}."
            cure = "Look at CCXSEC_LDAP_BASE and CCXSEC_LDAP_NAME_ATTRIBUTE (docs/sign-in.md)."
            raise Refused("directory.unknown", wrong, cure)
        ours = groups_of(person.groups, settings.CCXSEC_LDAP_GROUPS)
        named = {name for _, name in settings.CCXSEC_LDAP_GROUPS}
        unknown = sorted(named - set(Group.objects.values_list("name", flat=True)))
        if is_local(person.name):
            verdict = "no: a local user has this name, and the directory is not asked for it"
        elif not ours:
            verdict = "no: in none of the groups that CCXSEC_LDAP_GROUPS names"
        else:
            verdict = "yes, unless the user was switched off here"
        return {
            "name": person.name,
            "entry": person.dn,
            "groups": list(person.groups),
            "here": [group.name for group in ours],
            "may_sign_in": verdict,
        } | ({"no_such_group_here": unknown} if unknown else {})


def _user(name: str) -> User:
    """Raises `Refused` user.unknown."""
    user = User.objects.filter(username=name).first()
    if user is None:
        wrong = f"There is no user {name!r}."
        raise Refused("user.unknown", wrong, "Look at ./ccxsec users list.")
    return user
