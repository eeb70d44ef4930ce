"""Make, revoke and use API tokens."""

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction

from ccxsec_project.api.models import NAME_LENGTH, NETWORKS, ApiToken
from ccxsec_project.api.token_text import TokenText, new_token
from certificates.access import Actor, Permission
from certificates.models import Action, Event
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MOST = 50  # of one user, in force
USE_IS_NOTED = timedelta(hours=1)
OTHERS = "auth.change_user"  # who may change users sees and revokes everybody's tokens


@dataclass(frozen=True, slots=True)
class Made:
    """A new token. Its text is shown once, and is nowhere afterwards."""

    row: ApiToken
    token: TokenText


def add_token(
    user: "User",
    *,
    name: str,
    scopes: Collection[str],
    days: int,
    networks: Sequence[str] = (),
    actor: Actor,
    now: datetime,
) -> Made:
    """Make a token that acts as `user`.

    Args:
        scopes: values of `Permission`, each of them one that `user` has.
        days: until it expires.
        networks: addresses and networks that it may be used from; none: from anywhere.

    Raises:
        PermissionDenied: `actor` is another user.
        Refused: token.name, token.scopes, token.days, token.networks, token.many. Nothing was
            changed.
    """
    if actor.user is not None and actor.user.pk != user.pk:
        raise PermissionDenied("tokens are made by their users")
    if actor.scopes is not None:
        raise PermissionDenied("a token makes no tokens")
    checked = _checked_name(name)
    wanted = _checked_scopes(user, scopes)
    most = settings.CCXSEC_API_TOKEN_DAYS
    if not 1 <= days <= most:
        wrong = say("A token can't be in force for {days} days.", days=days)
        raise Refused("token.days", wrong, say("Choose 1 to {most} days.", most=most))
    places = _checked_networks(networks)
    token = new_token()
    with transaction.atomic():
        Event.objects.hold()
        _refuse_another(user, checked, now)
        row = ApiToken.objects.create(
            user=user,
            name=checked,
            identifier=token.identifier,
            digest=token.digest,
            scopes=wanted,
            networks=places,
            created_by=str(actor)[:200],
            expires_at=(now + timedelta(days=days)).replace(microsecond=0),
        )
        Event.objects.record(
            str(actor),
            Action.TOKEN_ADD,
            row,
            scopes=", ".join(wanted),
            networks=", ".join(places),
            expires_at=row.expires_at.isoformat(),
        )
    return Made(row, token)


def _checked_name(name: str) -> str:
    checked = name.strip()
    if not checked or len(checked) > NAME_LENGTH or visible(checked) != checked or "," in checked:
        wrong = say("{name} can't be the name of a token.", name=repr(visible(name)[:NAME_LENGTH]))
        cure = say(
            "Write up to {most} visible characters on one line, without a comma.",
            most=NAME_LENGTH,
        )
        raise Refused("token.name", wrong, cure)
    return checked


def _checked_scopes(user: "User", scopes: Collection[str]) -> list[str]:
    known = [permission.value for permission in Permission]
    for scope in scopes:
        if scope not in known or not user.has_perm(scope):
            wrong = say(
                "{user} has no permission {scope} to give to a token.",
                user=user,
                scope=repr(visible(scope)[:60]),
            )
            raise Refused("token.scopes", wrong, say("Choose among the permissions of the user."))
    if not scopes:
        raise Refused(
            "token.scopes", say("The token could do nothing."), say("Choose what it may do.")
        )
    return [scope for scope in known if scope in scopes]


def _checked_networks(networks: Sequence[str]) -> list[str]:
    if len(networks) > NETWORKS:
        wrong = say("{count} networks are more than {most}.", count=len(networks), most=NETWORKS)
        raise Refused("token.networks", wrong, say("Name larger ones."))
    checked = []
    for text in networks:
        try:
            checked.append(str(ipaddress.ip_network(text.strip())))
        except ValueError:
            wrong = say("{text} is no address and no network.", text=repr(visible(text)[:60]))
            raise Refused("token.networks", wrong, say("Write it like 192.0.2.0/24.")) from None
    return list(dict.fromkeys(checked))


def _refuse_another(user: "User", name: str, now: datetime) -> None:
    rows = ApiToken.objects.filter(user=user)
    if rows.filter(name=name, revoked_at=None).exists():
        wrong = say("{user} has a token {name} already.", user=user, name=repr(name))
        raise Refused("token.name", wrong, say("Choose another name, or revoke that one first."))
    if rows.in_force(now).count() >= MOST:
        wrong = say("{user} has {most} tokens in force.", user=user, most=MOST)
        raise Refused("token.many", wrong, say("Revoke those that nobody uses."))


@transaction.atomic
def revoke_token(token: ApiToken, *, actor: Actor, now: datetime) -> None:
    """It is of no use any more, from the next request on.

    Raises:
        PermissionDenied: it is another's, and `actor` may not change users.
        Refused: token.revoked.
    """
    refuse_others(token, actor)
    Event.objects.hold()
    changed = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(
        revoked_at=now, revoked_by=str(actor)[:200]
    )
    if not changed:
        wrong = say(
            "The API token {name} of {user} was revoked already.", name=token.name, user=token.user
        )
        raise Refused("token.revoked", wrong, say("There is nothing to do."))
    Event.objects.record(str(actor), Action.TOKEN_REVOKE, token)


def may_see_others(actor: Actor) -> bool:
    """Whether everybody's tokens are shown to `actor`, to be revoked."""
    return actor.user is None or actor.user.has_perm(OTHERS)


def refuse_others(token: ApiToken, actor: Actor) -> None:
    """Raises `PermissionDenied`: it is another's, and `actor` may not change users."""
    is_own = actor.user is not None and actor.user.pk == token.user_id
    if not is_own and not may_see_others(actor):
        raise PermissionDenied(OTHERS)


def note_use(token: ApiToken, *, address: str, now: datetime) -> None:
    """When and from where it was used last; written once an hour at most, and so no audit."""
    if token.used_at is None or now - token.used_at >= USE_IS_NOTED or token.used_at > now:
        seen = ApiToken.objects.filter(pk=token.pk, used_at=token.used_at)
        seen.update(used_at=now.replace(minute=0, second=0, microsecond=0), used_from=address[:64])
