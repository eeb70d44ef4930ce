"""Security keys and passkeys as a second factor (WebAuthn), by the library of Yubico.

A key is bound to the host name in the browser's address line: it is asked for under that name only.
What is asked (the challenge) stays in the session until it is answered, once.
"""

import ipaddress
import json
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    UserVerificationRequirement,
)

from ccxsec_project.authentication import second_factor
from ccxsec_project.authentication.models import SecurityKey
from certificates.models import Action, Event
from certificates.refusal import Refused
from certificates.sentence import say

STATE = "security_key_asked"
MOST_KEYS = 20  # of one user


def host_of(request: HttpRequest) -> str:
    """The name that keys are bound to; "" where the page is called by an address."""
    host = request.get_host().rsplit(":", 1)[0] if not request.get_host().endswith("]") else ""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host
    return ""


def usable(request: HttpRequest, user: User) -> QuerySet[SecurityKey]:
    """The keys of `user` that can be asked for under the name the page was called by."""
    return SecurityKey.objects.filter(user=user, host=host_of(request) or "-")


def _server(request: HttpRequest) -> Fido2Server:
    host = host_of(request)
    if not host:
        wrong = say(
            "Security keys are bound to a host name, and this page was called by an address."
        )
        raise Refused("security-key.address", wrong, say("Call it by this server's name."))
    return Fido2Server(PublicKeyCredentialRpEntity(id=host, name="ccxsec"))


def _credentials(rows: QuerySet[SecurityKey]) -> list[AttestedCredentialData]:
    return [AttestedCredentialData(bytes(row.credential)) for row in rows]


def offer(request: HttpRequest, user: User) -> dict[str, Any]:
    """What the browser needs to have a new key made.

    Raises:
        Refused: security-key.address, security-key.many.
    """
    server = _server(request)
    if SecurityKey.objects.filter(user=user).count() >= MOST_KEYS:
        wrong = say("There are {most} security keys already.", most=MOST_KEYS)
        raise Refused("security-key.many", wrong, say("Remove one that is not used any more."))
    options, request.session[STATE] = server.register_begin(
        PublicKeyCredentialUserEntity(
            id=f"ccxsec-{user.pk}".encode(),
            name=user.get_username(),
            display_name=user.get_username(),
        ),
        _credentials(usable(request, user)),
        user_verification=UserVerificationRequirement.DISCOURAGED,
    )
    return dict(options.public_key)


def add(
    request: HttpRequest, user: User, name: str, answer: str, *, actor: str, now: datetime
) -> list[str]:
    """Keep the key that the browser had made. Recovery codes, or [] if there are some.

    Raises:
        Refused: security-key.address, security-key.answer, security-key.known.
    """
    server = _server(request)
    try:
        made = server.register_complete(_asked(request), json.loads(answer)).credential_data
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_answer() from error
    if made is None:
        raise _no_answer()
    with transaction.atomic():
        Event.objects.hold()
        if SecurityKey.objects.filter(credential_id=made.credential_id).exists():
            wrong = say("This security key is registered already.")
            raise Refused("security-key.known", wrong, say("Use another one."))
        SecurityKey.objects.create(
            user=user,
            name=name,
            host=host_of(request),
            credential_id=made.credential_id,
            credential=bytes(made),
            created_at=now,
        )
        Event.objects.record(actor, Action.SECOND_FACTOR_ADD, user, what=f"security key {name}")
        return second_factor.first_codes(user)


def ask(request: HttpRequest, user: User) -> dict[str, Any]:
    """What the browser is to ask the user's keys for. Raises `Refused` security-key.address."""
    options, request.session[STATE] = _server(request).authenticate_begin(
        _credentials(usable(request, user)),
        user_verification=UserVerificationRequirement.DISCOURAGED,
    )
    return dict(options.public_key)


def check(request: HttpRequest, user: User, answer: str, *, now: datetime) -> None:
    """Raises `Refused` security-key.address, .answer, or .copied: its count went back."""
    server, rows = _server(request), usable(request, user)
    try:
        given = AuthenticationResponse.from_dict(json.loads(answer))
        used = server.authenticate_complete(_asked(request), _credentials(rows), given)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_answer() from error
    with transaction.atomic():
        Event.objects.hold()
        row = rows.get(credential_id=used.credential_id)
        count = given.response.authenticator_data.counter
        if count <= row.sign_count and (count or row.sign_count):
            wrong = say(
                "The security key {name} counts backwards: there may be a copy of it.",
                name=repr(row.name),
            )
            raise Refused(
                "security-key.copied", wrong, say("Sign in by another factor and remove it.")
            )
        row.sign_count, row.used_at = count, now
        row.save(update_fields=["sign_count", "used_at"])


def rename(user: User, pk: int, name: str, *, actor: str) -> None:
    """Raises `Refused` security-key.gone."""
    with transaction.atomic():
        row = _held(user, pk)
        what = f"security key {row.name}, now {name}"
        row.name = name
        row.save(update_fields=["name"])
        Event.objects.record(actor, Action.SECOND_FACTOR_ADD, user, what=what)


def remove(user: User, pk: int, *, actor: str) -> None:
    """Raises `Refused` security-key.gone, second-factor.required."""
    with transaction.atomic():
        row = _held(user, pk)
        others = SecurityKey.objects.filter(user=user).exclude(pk=pk).exists()
        second_factor.refuse_to_lose_the_last(user, others or second_factor.has_app(user))
        row.delete()
        second_factor.forget_codes_of_nothing(user)
        what = f"security key {row.name}"
        Event.objects.record(actor, Action.SECOND_FACTOR_REMOVE, user, what=what)


def _held(user: User, pk: int) -> SecurityKey:
    Event.objects.hold()
    row = SecurityKey.objects.filter(user=user, pk=pk).first()
    if row is None:
        wrong = say("This security key was removed meanwhile.")
        raise Refused("security-key.gone", wrong, say("Open the page again and look at it."))
    return row


def _asked(request: HttpRequest) -> Any:
    """The challenge, which is good for one answer."""
    return request.session.pop(STATE)


def _no_answer() -> Refused:
    wrong = say("The answer of the security key does not fit to what was asked.")
    return Refused(
        "security-key.answer", wrong, say("Try it again, and touch the key when it blinks.")
    )
