"""Restore a backup into an empty installation, on whatever kind of database (CM-10).

The order makes it safe to lose power: a mark first, which keeps `up` from starting; then the rows,
in one transaction; the files before its end; the mark goes last. Until then a repetition completes
it. Nothing is taken into use before the whole file was read and found right.
"""

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from certificates import anchor, web_server
from certificates.access import Actor
from certificates.backup_format.keys import Opener
from certificates.local_files import locked, make_folder, replace, sync_folder
from certificates.models import Action, BackupReminder, Event, Job, JobState
from certificates.operations.backup.content import SECRET_KEY
from certificates.operations.backup.create import own_secret_key, secret_key_file
from certificates.operations.backup.examination import Examination, Verdict
from certificates.operations.backup.load import load, unchecked_references
from certificates.operations.backup.verify import open_backup
from certificates.refusal import Refused
from certificates.secrets import KeyRing, MasterKeyError, key_ring, parse_key_ring
from certificates.web_server import AlreadyRunningError


@dataclass(frozen=True, slots=True)
class Restored:
    verdict: Verdict
    notes: list[str]  # what the operator has to know


def restore_backup(stream: BinaryIO, opener: Opener, *, actor: Actor, now: datetime) -> Restored:
    """Put everything back: database, master keys, secret key, anchor of the audit log.

    Raises:
        Refused: what `open_backup` raises; backup.running, backup.not-empty, backup.newer,
            backup.master-keys, backup.broken. There is no installation then, as before.
    """
    with _alone():
        if _is_done():
            return _complete()
        _refuse_what_is_there()
        examination, parts = open_backup(stream, opener)
        notes = _check_keys(examination)
        former = _mark(examination)
        try:
            with unchecked_references(), transaction.atomic():
                load(examination.manifest.migrations, examination.manifest.tables, parts)
                verdict = _whole(examination)
                notes += _put_files(examination, former)
                _finish_rows(examination, former, actor, now)
        except (IntegrityError, DataError) as error:
            _unmark()
            wrong = f"The database does not take the rows of the backup: {_first_line(error)}."
            cure = "Restore it on the kind of database that it was made on; nothing was changed."
            raise Refused("backup.rows", wrong, cure) from error
        except Refused:
            _unmark()
            raise
        _unmark()
    return Restored(verdict, notes)


def _first_line(error: Exception) -> str:
    """Further lines of PostgreSQL show the values of the row."""
    return (str(error).splitlines() or ["no reason given"])[0].rstrip(".")


def unfinished() -> bool:
    """Whether a restore was begun and did not come to its end: the product must not start."""
    return mark_file().is_file()


def mark_file() -> Path:
    """Stands there while a restore is under way."""
    return Path(settings.CCXSEC_DATA) / "restore.unfinished"


@contextmanager
def _alone() -> Iterator[None]:
    try:
        with web_server.reserved_alone():
            yield
    except AlreadyRunningError:
        wrong = f"ccxsec runs on the data folder {settings.CCXSEC_DATA}."
        cure = "A backup is restored into an empty installation: name another folder, or stop it."
        raise Refused("backup.running", wrong, cure) from None


def _refuse_what_is_there() -> None:
    if connection.introspection.table_names():
        wrong = "The database is not empty: a restore overwrites nothing."
        cure = "Name an empty data folder in CCXSEC_DATA, or an empty database in DATABASE_URL."
        raise Refused("backup.not-empty", wrong, cure)


# --- Master keys --------------------------------------------------------------------------------
def _check_keys(examination: Examination) -> list[str]:
    """Before anything is changed: can the master keys be put in force here?"""
    held, wanted = _held_keys(), examination.ring.keys
    other = sorted(number for number in held if number in wanted and held[number] != wanted[number])
    missing = sorted(set(wanted) - set(held))
    if settings.CCXSEC_MASTER_KEYS:
        if other or missing:
            named = ", ".join(map(str, sorted([*other, *missing])))
            wrong = f"CCXSEC_MASTER_KEYS does not hold master key {named} of the backup."
            cure = (
                "Take it out of the environment and restore: the keys come into the master key"
                " file, from where you may move them to the environment again."
            )
            raise Refused("backup.master-keys", wrong, cure)
        return []
    if other:
        path = settings.CCXSEC_MASTER_KEY_FILE
        wrong = f"There is another master key {other[0]} in {path} already; it is not overwritten."
        cure = f"It belongs to another database. Move it to a safe place: mv {path} {path}.former"
        raise Refused("backup.master-keys", wrong, cure)
    if set(held) - set(wanted):
        return ["The master key file held more keys; they were kept beside those of the backup."]
    return []


def _held_keys() -> dict[int, bytes]:
    """The keys of this machine; none where there is no file."""
    if not settings.CCXSEC_MASTER_KEYS and not Path(settings.CCXSEC_MASTER_KEY_FILE).exists():
        return {}
    try:
        return key_ring().keys
    except MasterKeyError as error:
        cure = "Mend it, or move it to a safe place, then restore again."
        raise Refused("backup.master-keys", str(error), cure) from error


def _put_keys(ring: KeyRing) -> None:
    if settings.CCXSEC_MASTER_KEYS:
        return
    path = Path(settings.CCXSEC_MASTER_KEY_FILE)
    make_folder(path.parent)
    with locked(path.with_name(f"{path.name}.lock")):
        held = parse_key_ring(path.read_text(), str(path)).keys if path.exists() else {}
        replace(path, KeyRing(held | ring.keys).to_text().encode())


# --- Files and the mark -------------------------------------------------------------------------
def _mark(examination: Examination) -> str:
    """From now on this is a restore; returns what a former anchor said, "" for nothing."""
    with contextlib.suppress(FileNotFoundError):
        return str(json.loads(mark_file().read_text())["former_anchor"])
    former = ""
    with contextlib.suppress(FileNotFoundError):
        former = Path(settings.CCXSEC_AUDIT_ANCHOR).read_text().strip()[:200]
    told = {"backup": examination.manifest.taken_at, "former_anchor": former}
    replace(mark_file(), json.dumps(told).encode())
    return former


def _unmark() -> None:
    mark_file().unlink(missing_ok=True)
    sync_folder(mark_file().parent)


def _whole(examination: Examination) -> Verdict:
    verdict = examination.verdict()
    if verdict.problems:
        wrong = f"The backup does not hang together. {verdict.problems[0]}"
        raise Refused("backup.broken", wrong, "See ./ccxsec backup verify; take another backup.")
    return verdict


def _put_files(examination: Examination, former: str) -> list[str]:
    """Before the rows are in force; each may be put again by a repetition."""
    notes = []
    _put_keys(examination.ring)
    key = examination.manifest.files.get(SECRET_KEY)
    if key and own_secret_key():
        replace(secret_key_file(), key.encode())
    elif key:
        notes.append("CCXSEC_SECRET_KEY of this machine's environment stays in force.")
    path = Path(settings.CCXSEC_AUDIT_ANCHOR)
    if former and path.exists() and path.read_text().strip() == former:
        aside = path.with_name(f"{path.name}.{timezone.now():%Y%m%d%H%M%S}")
        replace(aside, f"{former}\n".encode())
        notes.append(f"The anchor of a former audit log was kept as {aside}.")
    if examination.anchored.sequence:
        anchor.put(examination.anchored)
    return notes


def _finish_rows(examination: Examination, former: str, actor: Actor, now: datetime) -> None:
    """What is different after a restore: jobs that ran then, the reminder, the audit log."""
    was = "It was under way when the backup was made, and was not taken up again."
    ended = [JobState.QUEUED, JobState.RUNNING]
    Job.objects.filter(state__in=ended).update(
        state=JobState.CANCELLED, ended_at=now, messages=[was]
    )
    BackupReminder.objects.open().update(closed_at=now, closed_by=f"restore, {actor}"[:200])
    Event.objects.record(
        str(actor),
        Action.BACKUP_RESTORE,
        f"backup of {examination.manifest.node}, {examination.manifest.taken_at}",
        database=connection.vendor,
        newest_event=examination.newest.sequence,
        former_anchor=former,
    )


def _is_done() -> bool:
    """The rows are in force, and only the mark is left."""
    if not unfinished() or Event._meta.db_table not in connection.introspection.table_names():
        return False
    return Event.objects.filter(action=Action.BACKUP_RESTORE).exists()


def _complete() -> Restored:
    newest = Event.objects.order_by("-sequence")[0]
    anchor.advance(newest.sequence, newest.code)
    _unmark()
    empty = Verdict("", "", connection.vendor, {}, 0, newest.sequence, newest.code, "", [])
    return Restored(empty, ["The restore had come to its end already; only its mark was left."])
