"""Who asks: a token in the Authorization header, never in an address; no cookie counts.

A token acts as its user, as far as its scopes and the user's permissions of this very moment
allow: whoever is disabled or leaves a group loses it with the next request.
"""

import base64
import binascii
import hmac
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja.security.http import HttpAuthBase

from ccxsec_project.api.failures import refuse_if_many, refused_sign_in
from ccxsec_project.api.models import ApiToken
from ccxsec_project.api.operations import note_use
from ccxsec_project.api.passwords import by_password
from ccxsec_project.api.token_text import read_token
from certificates.access import Actor, client_address

BEARER, BASIC = "bearer", "basic"
_CURES = {
    "revoked": "Make another one: System, API tokens.",
    "expired": "Make another one: System, API tokens.",
    "user disabled": "Ask an administrator.",
}


class BearerToken(HttpAuthBase):
    """`Authorization: Bearer ccxsec_…`."""

    openapi_scheme = BEARER
    openapi_bearerFormat = "ccxsec_ and 67 characters"  # noqa: N815 - OpenAPI's own name

    def __call__(self, request: HttpRequest) -> Actor:
        """Raises `Unauthenticated`."""
        scheme, sent = _authorization(request)
        return by_token(request, sent if scheme == BEARER else "")


class OriginalBasic(HttpAuthBase):
    """User name and password, as scripts for the original send them; the password is a token.

    A password of a user is taken where `CCXSEC_API_BASIC` allows it.
    """

    openapi_scheme = BASIC

    def __call__(self, request: HttpRequest) -> Actor:
        """Raises `Unauthenticated`."""
        scheme, sent = _authorization(request)
        if scheme == BEARER:
            return by_token(request, sent)
        name, password = _name_and_password(sent) if scheme == BASIC else ("", "")
        if name and settings.CCXSEC_API_BASIC and read_token(password) is None:
            refuse_if_many(request)  # before a password is compared, which takes its time
            return by_password(request, name, password)
        return by_token(request, password, user_name=name)


def by_token(request: HttpRequest, text: str, *, user_name: str | None = None) -> Actor:
    """Who has sent this token.

    Args:
        user_name: that was sent with it, and must be its user's; None: none was.

    Raises:
        Unauthenticated: there is no token, nobody has it, or it is of no use now or from here.
    """
    token, row = read_token(text), None
    if token is not None:
        row = ApiToken.objects.select_related("user").filter(identifier=token.identifier).first()
    is_same = token is not None and hmac.compare_digest(row.digest if row else "", token.digest)
    if row is None or not is_same or user_name not in (None, row.user.get_username()):
        wrong = "There is no valid API token in the Authorization header."
        if user_name:  # a script for the original: it sends no Bearer, and can't be made to
            cure = "Send an API token of this user as the password: System, API tokens."
            raise refused_sign_in(request, "token.unknown", wrong, cure)
        raise refused_sign_in(request, "token.unknown", wrong, "Send: Authorization: Bearer TOKEN.")
    now, address = timezone.now(), client_address(request)
    state = row.state(now)
    if state != "in force":
        wrong = f"The token {row.name} is of no use: {state}."
        raise refused_sign_in(request, "token.ended", wrong, _CURES[state])
    if not row.is_usable_from(address):
        wrong = f"The token {row.name} can't be used from {address}."
        raise refused_sign_in(request, "token.place", wrong, "Use it where it may be used.")
    note_use(row, address=address, now=now)
    return Actor(f"{row.user.get_username()}, token {row.name}, {address}", row.user, row.allowed)


def actor_of(request: HttpRequest) -> Actor:
    """Who was found out to ask, for the functions of the API."""
    asked: Any = request
    actor: Actor = asked.auth
    return actor


def _authorization(request: HttpRequest) -> tuple[str, str]:
    """Scheme, in small letters, and what follows it; both "" for none."""
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower(), sent.strip()


def _name_and_password(sent: str) -> tuple[str, str]:
    """RFC 7617; ("", "") for what is none."""
    try:
        name, _, password = base64.b64decode(sent, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password
