"""The second factor of a user: an authenticator app, security keys, and recovery codes.

The key of an app is sealed like every secret of the product; of recovery codes there are digests
only (each has 80 random bits, so nobody finds it from its digest).
"""

import base64
import hashlib
import os
import re
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from ccxsec_project.authentication.models import RecoveryCode, SecurityKey, Totp
from ccxsec_project.authentication.totp import KEY_BYTES, matching_step
from certificates.access import Permission
from certificates.models import Action, Event
from certificates.models.secret import Secret
from certificates.refusal import Refused
from certificates.sentence import say

CODES, CODE_BYTES = 10, 10


def is_enrolled(user: User) -> bool:
    """Whether signing in asks for more than the password."""
    return has_app(user) or SecurityKey.objects.filter(user=user).exists()


def has_app(user: User) -> bool:
    """Whether an app's codes are asked."""
    return Totp.objects.filter(user=user, confirmed_at__isnull=False).exists()


def is_required(user: User) -> bool:
    """Whether this user must have one (CCXSEC_REQUIRE_SECOND_FACTOR)."""
    who = settings.CCXSEC_REQUIRE_SECOND_FACTOR
    return who == "everybody" or (
        who == "administrators" and user.has_perm(Permission.CONFIGURE.value)
    )


def codes_left(user: User) -> int:
    """How many recovery codes were not used yet."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def begin_app(user: User) -> bytes:
    """A new key for an app, sealed; it counts once a code of it was typed.

    Raises:
        Refused: second-factor.present.
    """
    with transaction.atomic():
        Event.objects.hold()
        row, _ = Totp.objects.get_or_create(user=user)
        if row.confirmed_at:
            wrong = say("An authenticator app is set up already.")
            raise Refused("second-factor.present", wrong, say("Remove it first."))
        key = os.urandom(KEY_BYTES)
        Secret.objects.keep(row.secret_name, key)
        return key


def pending_key(user: User) -> bytes:
    """The key of an app whose first code is awaited.

    Raises:
        Refused: second-factor.none.
    """
    row = Totp.objects.filter(user=user, confirmed_at=None).first()
    key = Secret.objects.plain(row.secret_name) if row else None
    if key is None:
        raise Refused(
            "second-factor.none", say("No app is being set up."), say("Begin with *Set up an app*.")
        )
    return key


def confirm_app(user: User, code: str, *, actor: str, now: datetime) -> list[str]:
    """The app shows right codes: from now on it is asked. Recovery codes, or [] if there are some.

    Raises:
        Refused: second-factor.none, second-factor.code.
    """
    with transaction.atomic():
        Event.objects.hold()
        step = matching_step(pending_key(user), digits(code), at=now.timestamp())
        if step is None:
            wrong = say("This code is not the one of this moment.")
            cure = say(
                "Compare the clocks of the telephone and of the server, and type the next code."
            )
            raise Refused("second-factor.code", wrong, cure)
        Totp.objects.filter(user=user).update(confirmed_at=now, last_step=step)
        Event.objects.record(actor, Action.SECOND_FACTOR_ADD, user, what="authenticator app")
        return [] if codes_left(user) else _new_codes(user)


def renew_codes(user: User, *, actor: str) -> list[str]:
    """Ten new recovery codes, shown once; the former are void.

    Raises:
        Refused: second-factor.none.
    """
    with transaction.atomic():
        Event.objects.hold()
        if not is_enrolled(user):
            wrong = say("There is no second factor that a recovery code could stand for.")
            raise Refused(
                "second-factor.none", wrong, say("Set up an app or a security key first.")
            )
        Event.objects.record(actor, Action.SECOND_FACTOR_CODES, user)
        return _new_codes(user)


def first_codes(user: User) -> list[str]:
    """Recovery codes where there are none, inside the transaction that adds a factor; else []."""
    return [] if codes_left(user) else _new_codes(user)


def _new_codes(user: User) -> list[str]:
    codes = [_code() for _ in range(CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(
        [RecoveryCode(user=user, digest=_digest(code)) for code in codes]
    )
    return codes


def _code() -> str:
    text = base64.b32encode(os.urandom(CODE_BYTES)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _digest(code: str) -> str:
    return hashlib.sha256(re.sub(r"[^a-z2-7]", "", code.lower()).encode()).hexdigest()


def digits(code: str) -> str:
    """A code as people type it: with spaces."""
    return re.sub(r"\s", "", code)


def accepts(user: User, code: str, *, actor: str, now: datetime) -> bool:
    """Whether it is the app's code of this moment, not used before, or an unused recovery code."""
    with transaction.atomic():
        Event.objects.hold()
        return _accepts_app(user, digits(code), now) or _accepts_recovery(user, code, actor, now)


def _accepts_app(user: User, code: str, now: datetime) -> bool:
    row = Totp.objects.filter(user=user, confirmed_at__isnull=False).first()
    key = Secret.objects.plain(row.secret_name) if row else None
    step = matching_step(key, code, at=now.timestamp()) if key else None
    if step is None:
        return False
    # A code is taken once, and none that is older than the last one.
    return Totp.objects.filter(user=user, last_step__lt=step).update(last_step=step) == 1


def _accepts_recovery(user: User, code: str, actor: str, now: datetime) -> bool:
    rows = RecoveryCode.objects.filter(user=user, digest=_digest(code), used_at=None)
    if rows.update(used_at=now) != 1:
        return False
    left = codes_left(user)
    Event.objects.record(actor, Action.RECOVERY_CODE_USE, user, left=left)
    return True


def remove_app(user: User, *, actor: str) -> None:
    """Raises `Refused` second-factor.none, second-factor.required."""
    with transaction.atomic():
        Event.objects.hold()
        if not has_app(user):
            wrong = say("No authenticator app is set up.")
            raise Refused("second-factor.none", wrong, say("Open the page again and look at it."))
        refuse_to_lose_the_last(user, SecurityKey.objects.filter(user=user).exists())
        Totp.objects.filter(user=user).delete()
        forget_codes_of_nothing(user)
        Event.objects.record(actor, Action.SECOND_FACTOR_REMOVE, user, what="authenticator app")


def refuse_to_lose_the_last(user: User, has_another: bool) -> None:
    """Raises `Refused` second-factor.required: who must have one keeps one."""
    if not has_another and is_required(user):
        wrong = say("You must have a second factor here, and this is the only one.")
        raise Refused("second-factor.required", wrong, say("Set up another one first."))


def forget_codes_of_nothing(user: User) -> None:
    """Recovery codes stand for a second factor; without one they go."""
    if not is_enrolled(user):
        RecoveryCode.objects.filter(user=user).delete()


def reset(user: User, *, actor: str) -> bool:
    """Take away every second factor of somebody who has lost it. False: there was none."""
    with transaction.atomic():
        Event.objects.hold()
        had = is_enrolled(user)
        for model in (Totp, SecurityKey, RecoveryCode):
            model._default_manager.filter(user=user).delete()
        if had:
            Event.objects.record(actor, Action.SECOND_FACTOR_RESET, user)
        return had
