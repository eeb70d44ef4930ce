"""OpenID Connect (Core 1.0, 3.1): code flow with PKCE, by the library Authlib.

What one sign-in waits for (state, nonce, verifier) is in the browser's session and good for one
answer. The identity is issuer and subject; a mail address proves nothing.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ccxsec_project.authentication.transport import GuardedSession, ProviderError, ask, checked
from certificates.refusal import Refused
from certificates.sentence import say

AWAITED = "openid_awaited"
AWAITED_SECONDS = 600
ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "RS384", "RS512", "EdDSA"]
LEEWAY = 60  # seconds that the provider's clock may be wrong


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, by the word of the provider."""

    issuer: str
    subject: str
    name: str
    groups: tuple[str, ...]
    following: str  # the page to go on to
    proves: int | None  # key of the user who was asked to prove who sits there; None: a sign-in


def is_offered() -> bool:
    """Whether a provider is configured."""
    return bool(settings.CCXSEC_OIDC_ISSUER)


def begin(request: HttpRequest, *, following: str, proves: int | None) -> str:
    """Address of the provider's page. Raises `Refused` openid.provider."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    extra = {"prompt": "login", "max_age": "0"} if proves else {}
    try:
        endpoint = checked(_described()["authorization_endpoint"])
        address, _ = _client(request).create_authorization_url(
            endpoint, state=state, code_verifier=verifier, nonce=nonce, **extra
        )
    except (ProviderError, KeyError, TypeError) as error:
        raise _unusable(error) from error
    request.session[AWAITED] = {
        "state": state,
        "nonce": nonce,
        "verifier": verifier,
        "at": int(time.time()),
        "following": following,
        "proves": proves,
    }
    return str(address)


def finish(request: HttpRequest) -> Identity:
    """Judge the provider's answer; what was awaited is void afterwards, whatever it was.

    Raises:
        Refused: openid.unexpected, openid.refused, openid.provider.
    """
    awaited = request.session.pop(AWAITED, None)
    if awaited is None or not 0 <= int(time.time()) - awaited["at"] <= AWAITED_SECONDS:
        raise _unexpected()
    if not constant_time_compare(request.GET.get("state", ""), awaited["state"]):
        raise _unexpected()
    if request.GET.get("iss", settings.CCXSEC_OIDC_ISSUER) != settings.CCXSEC_OIDC_ISSUER:
        raise _unexpected()  # RFC 9207
    if "error" in request.GET or "code" not in request.GET:
        wrong = say("The provider did not let you sign in.")
        raise Refused("openid.refused", wrong, say("Try it again, or ask who runs the provider."))
    try:
        claims = _claims(request, awaited)
    except (ProviderError, AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
        raise _unusable(error) from error
    return Identity(
        settings.CCXSEC_OIDC_ISSUER,
        str(claims["sub"]),
        str(claims.get("preferred_username") or ""),
        _groups(claims.get(settings.CCXSEC_OIDC_GROUPS_CLAIM)),
        awaited["following"],
        awaited["proves"],
    )


def _claims(request: HttpRequest, awaited: dict[str, Any]) -> dict[str, Any]:
    """What the ID token says, all of it verified (Core 1.0, 3.1.3.7)."""
    described = _described()
    token = _client(request).fetch_token(
        described["token_endpoint"],
        grant_type="authorization_code",
        code=request.GET["code"],
        code_verifier=awaited["verifier"],
    )
    keys = KeySet.import_key_set(ask("GET", described["jwks_uri"]).json())
    signed = jwt.decode(token["id_token"], keys, algorithms=ALGORITHMS)
    client_id = settings.CCXSEC_OIDC_CLIENT_ID
    options = {
        "iss": {"essential": True, "value": settings.CCXSEC_OIDC_ISSUER},
        "aud": {"essential": True, "value": client_id},
    }
    params = {
        "nonce": awaited["nonce"],
        "client_id": client_id,
        "access_token": token.get("access_token"),
    }
    claims = CodeIDToken(signed.claims, signed.header, options, params)
    claims.validate(leeway=LEEWAY)
    # `max_age=0` asks for a sign-in now, and for the time of it.
    if awaited["proves"] and int(claims["auth_time"]) < awaited["at"] - LEEWAY:
        raise ProviderError(say("The provider did not ask who sits there again."))
    return dict(claims)


def _described() -> dict[str, Any]:
    """The provider's own description (Discovery 1.0, 4). Raises `ProviderError`, ValueError."""
    issuer = settings.CCXSEC_OIDC_ISSUER
    reply = ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    reply.raise_for_status()
    try:
        described = reply.json()
    except ValueError as error:
        raise ProviderError(say("The provider's description is no JSON.")) from error
    if not isinstance(described, dict) or described.get("issuer") != issuer:
        raise ProviderError(
            say("The provider calls itself by another name than CCXSEC_OIDC_ISSUER.")
        )
    return described


def _client(request: HttpRequest) -> OAuth2Client:
    return OAuth2Client(
        GuardedSession(),
        settings.CCXSEC_OIDC_CLIENT_ID,
        settings.CCXSEC_OIDC_CLIENT_SECRET or None,
        scope=settings.CCXSEC_OIDC_SCOPE,
        redirect_uri=request.build_absolute_uri(reverse("admin:openid_answer")),
        code_challenge_method="S256",
    )


def _groups(claimed: Any) -> tuple[str, ...]:
    names = [claimed] if isinstance(claimed, str) else claimed
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _unexpected() -> Refused:
    wrong = say("This answer of the provider was not asked for in this browser, or came too late.")
    return Refused("openid.unexpected", wrong, say("Begin at the sign-in page."))


def _unusable(error: Exception) -> Refused:
    said = str(error) if isinstance(error, ProviderError) else type(error).__name__
    wrong = say("The sign-in by the provider failed: {said}", said=said)
    return Refused("openid.provider", wrong, say("Try again; a local administrator can sign in."))
