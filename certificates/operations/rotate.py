"""Rotate the master key: add a new one, wrap every data key anew, then let the old one go."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from certificates.access import Actor, Permission
from certificates.jobs import enqueue, job
from certificates.local_files import locked, replace
from certificates.models import Action, Event, Job, PrivateKey, Secret
from certificates.models.secret import wait_for_sealers
from certificates.refusal import Refused
from certificates.secrets import KeyRing, key_ring, master_key_of, place, rewrap

SEALED_COLUMNS: tuple[tuple[type[PrivateKey] | type[Secret], str], ...] = (
    (PrivateKey, "sealed"),
    (Secret, "sealed"),
)
BATCH = 50


@dataclass(frozen=True, slots=True)
class RotationState:
    """Which master keys there are, and how many sealed values still need each."""

    current: int
    uses: dict[int, int]

    @property
    def retirable(self) -> list[int]:
        return [number for number, uses in self.uses.items() if not uses and number != self.current]


def rotation_state() -> RotationState:
    """Read every sealed value's header; nothing is opened."""
    ring = key_ring()
    uses = Counter(dict.fromkeys(ring.keys, 0))
    for row, column in _sealed_rows():
        uses[master_key_of(getattr(row, column))] += 1
    return RotationState(ring.current, dict(sorted(uses.items())))


def add_master_key(*, actor: Actor) -> Job:
    """Add a master key to the file, and queue the job that wraps every data key with it.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: master-key.environment.
    """
    actor.require(Permission.CONFIGURE)
    _refuse_environment("Add a key of a higher number there, restart, and run `secrets rewrap`.")
    path = Path(settings.CCXSEC_MASTER_KEY_FILE)
    with locked(path.with_name(f"{path.name}.lock")), transaction.atomic():
        ring = key_ring().with_new_key()
        Event.objects.record(str(actor), Action.MASTER_KEY_ADD, f"master key {ring.current}")
        row = start_rewrap(actor=actor)
        _write(ring)
    return row


@transaction.atomic
def start_rewrap(*, actor: Actor) -> Job:
    """Queue the job that wraps every data key with the newest master key."""
    actor.require(Permission.CONFIGURE)
    return enqueue("rewrap", "all sealed values", once="rewrap", started_by=str(actor))


def retire_master_key(number: int, *, actor: Actor) -> None:
    """Take a master key out of the file, once nothing needs it.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: master-key.environment, master-key.unknown, master-key.needed.
    """
    actor.require(Permission.CONFIGURE)
    _refuse_environment("Take it out there, and restart.")
    path = Path(settings.CCXSEC_MASTER_KEY_FILE)
    with locked(path.with_name(f"{path.name}.lock")), transaction.atomic():
        Event.objects.hold()
        wait_for_sealers()
        state = rotation_state()
        if number not in state.uses:
            wrong = f"There is no master key {number}."
            raise Refused(
                "master-key.unknown", wrong, f"There are: {', '.join(map(str, state.uses))}."
            )
        if number not in state.retirable:
            wrong = f"Master key {number} is needed by {state.uses[number]} sealed values."
            if number == state.current:
                wrong = f"Master key {number} is the newest one."
            raise Refused("master-key.needed", wrong, "Run `secrets rotate` first.")
        Event.objects.record(str(actor), Action.MASTER_KEY_RETIRE, f"master key {number}")
        _write(key_ring().without(number))


@job("rewrap")
def _rewrap_job(row: Job) -> str:
    ring, changed = key_ring(), 0
    rows = list(_sealed_rows())
    for start in range(0, len(rows), BATCH):
        with transaction.atomic():
            for sealed, column in rows[start : start + BATCH]:
                changed += _rewrap(sealed, column, ring.current)
        done = min(start + BATCH, len(rows))
        if not row.report(done=done, total=len(rows), now=timezone.now()):
            return f"Stopped after {changed} values; the old master key is still needed."
    with transaction.atomic():
        what = f"master key {ring.current}"
        Event.objects.record(row.started_by, Action.MASTER_KEY_REWRAP, what, values=changed)
    # Each has a command of its own: `retire` takes one number.
    cures = [
        f" Key {old} may go: `./ccxsec secrets retire {old}`." for old in rotation_state().retirable
    ]
    return f"{changed} of {len(rows)} sealed values were wrapped with {what}.{''.join(cures)}"


def _rewrap(row: models.Model, column: str, current: int) -> bool:
    """Re-read under the lock: the value may have been replaced since the list was made."""
    model = type(row)
    fresh = model._default_manager.select_for_update().filter(pk=row.pk).first()
    if fresh is None or master_key_of(getattr(fresh, column)) == current:
        return False
    sealed = rewrap(getattr(fresh, column), place(fresh, column))
    return bool(model._default_manager.filter(pk=row.pk).update(**{column: sealed}))


def _sealed_rows() -> Iterator[tuple[models.Model, str]]:
    for model, column in SEALED_COLUMNS:
        for row in model._default_manager.order_by("pk").only("pk", column).iterator():
            yield row, column


def _write(ring: KeyRing) -> None:
    replace(Path(settings.CCXSEC_MASTER_KEY_FILE), ring.to_text().encode())


def _refuse_environment(cure: str) -> None:
    if settings.CCXSEC_MASTER_KEYS:
        wrong = "The master keys come from the environment (CCXSEC_MASTER_KEYS), not from a file."
        raise Refused("master-key.environment", wrong, cure)
