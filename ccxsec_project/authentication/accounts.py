"""The user that stands for an identity of a provider or directory, with the groups it may have."""

import re
from collections.abc import Callable, Iterable

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ccxsec_project.authentication.models import ExternalIdentity
from ccxsec_project.authentication.oidc import Identity
from certificates.models import Event
from certificates.refusal import Refused
from certificates.sentence import say

NAME_LENGTH = 120


def groups_of(theirs: Iterable[str], ours_of: Iterable[tuple[str, str]]) -> list[Group]:
    """Our groups for those of a provider, by the setting that names them in pairs."""
    held = set(theirs)
    return list(Group.objects.filter(name__in={ours for their, ours in ours_of if their in held}))


def account_of(identity: Identity) -> User:
    """The user of issuer and subject, made at the first sign-in; groups are set at each.

    Never one that was here before under the same name: whoever names accounts at the provider
    must not become a local administrator by that.

    Raises:
        Refused: openid.group, openid.inactive.
    """
    groups = groups_of(identity.groups, settings.CCXSEC_OIDC_GROUPS)
    user = joined(identity.issuer, identity.subject, groups, lambda: _made(identity))
    if user is None or not groups:
        wrong = say("You belong to no group that may sign in here.")
        raise Refused("openid.group", wrong, say("Ask who runs the provider, or an administrator."))
    if not user.is_active:
        wrong = say("This user was switched off here.")
        raise Refused("openid.inactive", wrong, say("Ask an administrator."))
    return user


@transaction.atomic
def joined(issuer: str, subject: str, groups: list[Group], make: Callable[[], User]) -> User | None:
    """The user with exactly `groups`: who has lost all keeps the account, and no rights.

    None: somebody new, who is in none.
    """
    Event.objects.hold()
    key = {"issuer": issuer, "subject": subject}
    row = ExternalIdentity.objects.filter(**key).select_related("user").first()
    if row is None and not groups:
        return None
    user = row.user if row else make()
    if row is None:
        ExternalIdentity.objects.create(**key, user=user, made_at=timezone.now())
    if set(user.groups.all()) != set(groups):
        user.groups.set(groups)
    return user


def directory() -> str:
    """The issuer of all in the LDAP directory, whatever its servers are; "" without one."""
    return f"ldap:{settings.CCXSEC_LDAP_BASE.lower()}" if settings.CCXSEC_LDAP_URL else ""


def belongs_to(user: User, issuer: str) -> bool:
    """Whether somebody else than this product says who the user is."""
    identity: ExternalIdentity | None = getattr(user, "external_identity", None)
    return bool(issuer) and identity is not None and identity.issuer == issuer


def names_of(users: QuerySet[User]) -> set[str]:
    """In small letters, as the limits on guessing compare names: for a directory both are the same.

    A database does it otherwise: SQLite, and PostgreSQL by some locales, in ASCII alone.
    """
    return {name.casefold() for name in users.values_list("username", flat=True)}


def _made(identity: Identity) -> User:
    name = re.sub(r"[^\w.@+-]", "", identity.name)[:NAME_LENGTH] or "openid"
    taken = names_of(User.objects.all())
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{name}-{number}"
    return User.objects.create_user(free, is_staff=True)  # without a usable password
