"""Limits on guessing, kept in the database: every process and every machine counts together.

Three counts, and why: of a name from an address (a few), of an address (names tried in turn),
and of a name from everywhere (many addresses). The last two don't hold for a name from an
address where it has signed in lately, so that a stranger can't keep an administrator out.
An attempt is counted before its password is looked at: a hundred at once are a hundred.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Network

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from ccxsec_project.authentication.models import Attempts, Scope
from certificates.access import client_address
from certificates.models import Action, Event
from certificates.refusal import Refused
from certificates.sentence import say

TIMES = {Scope.PAIR: 1, Scope.ADDRESS: 10, Scope.NAME: 10}  # of CCXSEC_LOCK_OUT_AFTER
KNOWN_FOR = timedelta(days=30)  # an address from which a name has signed in
IPV6_SITE = 64  # bits: who has one address of it has them all


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: the name that was typed, and the address it came from.

    Args:
        shown: the name for the audit log; "unknown user name" where nobody has it.
    """

    name: str
    address: str
    shown: str

    def begin(self, *, now: datetime) -> None:
        """Count it, before anything is compared.

        Raises:
            Refused: sign-in.locked; the sentence is the same whether the name exists or not.
        """
        with transaction.atomic():
            Event.objects.hold()
            Attempts.objects.filter(last_at__lt=now - KNOWN_FOR).delete()
            rows = {scope: self._row(scope, now) for scope in Scope}
            known = rows[Scope.PAIR].succeeded_at is not None
            for scope, row in rows.items():
                if _is_locked(row, now) and not (known and scope is not Scope.PAIR):
                    raise _locked()
            for row in rows.values():
                if _is_locked(row, now):
                    continue  # of others: who is known here neither lengthens nor lifts it
                if _is_over(row, now):
                    row.failures, row.began_at, row.is_told = 0, now, False
                row.failures, row.last_at = row.failures + 1, now
                row.save()

    def failed(self) -> None:
        """It stays counted; what is locked by it is told once in the audit log."""
        with transaction.atomic():
            Event.objects.hold()
            for row in self._rows().filter(is_told=False):
                if row.failures >= _limit(row):
                    row.is_told = True
                    row.save(update_fields=["is_told"])
                    actor = f"{self.shown}, {self.address}"
                    Event.objects.record(
                        actor, Action.SIGN_IN_LOCKED, self.shown, counted=row.scope
                    )

    def succeeded(self, *, now: datetime) -> None:
        """The name is known at the address from now on; its failures there are forgotten."""
        with transaction.atomic():
            Event.objects.hold()
            self._take_back()
            self._rows().filter(scope=Scope.PAIR).update(
                failures=0, is_told=False, succeeded_at=now, last_at=now
            )

    def take_back(self) -> None:
        """It was right, and a second one follows: former failures stay counted."""
        with transaction.atomic():
            Event.objects.hold()
            self._take_back()

    def _take_back(self) -> None:
        self._rows().filter(failures__gt=0, is_told=False).update(failures=F("failures") - 1)

    def _rows(self) -> QuerySet[Attempts]:
        pair, name, address = (Q(**self._key(scope)) for scope in Scope)
        return Attempts.objects.filter(pair | name | address)

    def _key(self, scope: Scope) -> dict[str, str]:
        return {
            "scope": scope.value,
            "name_code": "" if scope is Scope.ADDRESS else name_code(self.name),
            "address": "" if scope is Scope.NAME else site_of(self.address),
        }

    def _row(self, scope: Scope, now: datetime) -> Attempts:
        key = self._key(scope)
        found = Attempts.objects.filter(**key).first()
        return found or Attempts(**key, began_at=now, last_at=now)


def attempt_of(request: HttpRequest, name: str) -> Attempt:
    """The attempt of a request with a name that was typed, or is signed in."""
    known = get_user_model().objects.filter(username=name).exists()
    return Attempt(name, client_address(request), name if known else "unknown user name")


@contextmanager
def counted(request: HttpRequest, name: str) -> Iterator[Attempt]:
    """What is proven inside is an attempt; a refusal of it is a failure.

    It is none if the directory was not told the password, or found it right (directory.*).

    Raises:
        Refused: sign-in.locked, before anything inside is done.
    """
    attempt = attempt_of(request, name)
    attempt.begin(now=timezone.now())
    try:
        yield attempt
    except (Refused, ValidationError) as error:
        if isinstance(error, Refused) and error.code.startswith("directory."):
            attempt.take_back()
        else:
            attempt.failed()
        raise


def unlock(name: str, *, actor: str) -> bool:
    """Forget the failures of a name, and of the addresses it was tried from. False: none."""
    with transaction.atomic():
        Event.objects.hold()
        rows = Attempts.objects.filter(name_code=name_code(name))
        addresses = list(rows.exclude(address="").values_list("address", flat=True))
        rows |= Attempts.objects.filter(scope=Scope.ADDRESS, address__in=addresses)
        if not rows.filter(failures__gt=0).update(failures=0, is_told=False):
            return False
        Event.objects.record(actor, Action.SIGN_IN_UNLOCK, name)
        return True


def is_locked(name: str, *, now: datetime) -> bool:
    """Whether somebody of that name is kept out now, from one address or from all."""
    rows = Attempts.objects.filter(name_code=name_code(name), failures__gt=0)
    return any(_is_locked(row, now) for row in rows)


def name_code(name: str) -> str:
    """What stands for a name in the database: people type their password into its field.

    In small letters, as a directory takes both for the same.
    """
    return salted_hmac("ccxsec.attempts", name.casefold(), algorithm="sha256").hexdigest()


def site_of(address: str) -> str:
    """What counts as one address: IPv4 as it is, of IPv6 the first 64 bits."""
    try:
        network = IPv6Network(f"{address.partition('%')[0]}/{IPV6_SITE}", strict=False)
    except ValueError:
        return address[:60]
    return str(network)


def _limit(row: Attempts) -> int:
    return int(settings.CCXSEC_LOCK_OUT_AFTER) * TIMES[Scope(row.scope)]


def _window() -> timedelta:
    return timedelta(seconds=settings.CCXSEC_LOCK_OUT_SECONDS)


def _is_locked(row: Attempts, now: datetime) -> bool:
    return row.failures >= _limit(row) and now - row.last_at < _window()


def _is_over(row: Attempts, now: datetime) -> bool:
    """A count begins anew when its time has passed, or its lock."""
    return now - (row.last_at if row.failures >= _limit(row) else row.began_at) >= _window()


def _locked() -> Refused:
    minutes = -(-int(settings.CCXSEC_LOCK_OUT_SECONDS) // 60)
    wrong = say("There were too many failed attempts to sign in.")
    cure = say(
        "Wait {minutes} minutes, or have an administrator unlock the name (System > Users).",
        minutes=minutes,
    )
    return Refused("sign-in.locked", wrong, cure)
