"""Create a backup: one encrypted file with everything that an installation is made of (CM-10)."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.apps import apps
from django.conf import settings
from django.db import connections, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from certificates import anchor
from certificates.access import Actor, Permission
from certificates.backup_format.chunks import ChunkWriter, read_chunks
from certificates.backup_format.header import read_header, write_header
from certificates.backup_format.keys import KEY_BYTES, Lock, described, wrap
from certificates.backup_format.lines import LineWriter, read_lines
from certificates.models import Action, BackupReminder, Event, Node
from certificates.operations.backup.content import (
    ANCHOR,
    MASTER_KEYS,
    SECRET_KEY,
    Manifest,
    TableBegins,
    end_line,
    manifest_lines,
    table_line,
)
from certificates.operations.backup.folder import HashedFile, NewFile
from certificates.operations.backup.snapshot import snapshot
from certificates.operations.backup.tables import Table, tables_of
from certificates.operations.rotate import SEALED_COLUMNS
from certificates.refusal import Refused
from certificates.secrets import KeyRing, key_ring, master_key_of

PRODUCT = "ccxsec 0.8.0"
_EACH, _ROWS = 1.0, 1000  # seconds between two reports of progress; rows between two looks
Progress = Callable[[int, int], bool]  # rows done, rows in all; False: stop


@dataclass(frozen=True, slots=True)
class Created:
    name: str
    taken_at: datetime
    size: int  # bytes
    sha256: str  # of the whole file
    rows: dict[str, int]
    opens_with: str
    closed_reminder: bool


class BackupStopped(Exception):  # noqa: N818 - an answer, not an error
    """It was cancelled; nothing was kept."""


def create_backup(
    target: Path | BinaryIO,
    *,
    locks: Sequence[Lock],
    actor: Actor,
    now: datetime,
    progress: Progress = lambda _done, _total: True,
) -> Created:
    """Write everything to a new file, or to a stream, while the product goes on.

    The file is read back before it gets its name; the event, the end of the reminder and the name
    come together.

    Args:
        target: a file that is not there yet, or where to write (nothing is read back there).
        locks: each opens it alone.

    Raises:
        PermissionDenied: `actor` may not make backups.
        Refused: backup.lock-missing, backup.exists, backup.unwritable, backup.node,
            backup.master-keys, backup.recipient, backup.unread. No file was made.
        BackupStopped: `progress` said so.
    """
    actor.require(Permission.BACKUP)
    if not locks:
        wrong = "It is not said who can open the backup."
        raise Refused("backup.lock-missing", wrong, "Give a passphrase or a recipient's key.")
    if not isinstance(target, Path):
        written = _written(target, locks, now, progress)
        with transaction.atomic():
            return _recorded("standard output", written, actor)
    if os.path.lexists(target):
        wrong = f"There is a file {target} already."
        raise Refused("backup.exists", wrong, "Choose another name; none is overwritten.")
    with _plainly(target), NewFile(target) as new:
        written = _written(new.file, locks, now, progress)
        new.sync()
        _read_back(new.file, written)
        try:
            with transaction.atomic():
                created = _recorded(target.name, written, actor)
                new.keep()
        except BaseException:
            new.take_back()
            raise
    return created


@dataclass(frozen=True, slots=True)
class _Written:
    key: bytes
    taken_at: datetime
    file: HashedFile
    rows: dict[str, int]
    opens_with: str
    reminder: BackupReminder | None


def _written(
    stream: BinaryIO, locks: Sequence[Lock], now: datetime, progress: Progress
) -> _Written:
    key = os.urandom(KEY_BYTES)
    wrapped = [wrap(key, lock) for lock in locks]  # may take a second: before the moment is taken
    before, anchored, file = key_ring(), anchor.read(), HashedFile(stream)
    with snapshot() as moment:
        ring = KeyRing(before.keys | key_ring().keys)  # also one that is retired meanwhile
        _refuse_missing(ring, moment)
        reminder = BackupReminder.objects.using(moment).open().first()
        manifest = _manifest(moment, now, ring, anchored)
        digest = write_header(
            file,
            made_at=manifest.taken_at,
            node=manifest.node,
            product=PRODUCT,
            locks=wrapped,
        )
        lines = LineWriter(ChunkWriter(file, key, digest))
        for line in manifest_lines(manifest):
            lines.write(line)
        rows = _write_tables(lines, tables_of(apps), moment, progress)
        lines.write(end_line(rows))
        lines.finish()
    return _Written(key, now, file, rows, described(wrapped), reminder)


def _write_tables(
    lines: LineWriter, tables: Sequence[Table], moment: str, progress: Progress
) -> dict[str, int]:
    total, done, told = sum(table.count(moment) for table in tables), 0, time.monotonic()
    counted: dict[str, int] = {}
    for table in tables:
        lines.write(table_line(TableBegins(table.label, table.columns, table.last_key(moment))))
        before = done
        for row in table.write(moment):
            lines.write(row)
            done += 1
            if done % _ROWS == 0 and time.monotonic() - told > _EACH:
                told = time.monotonic()
                if not progress(done, total):
                    raise BackupStopped
        counted[table.label] = done - before
    return counted


def _manifest(
    moment: str, now: datetime, ring: KeyRing, anchored: anchor.Anchor | None
) -> Manifest:
    node = Node.objects.using(moment).filter(is_local=True).first()
    if node is None:
        wrong = "There is nothing to back up: the product is not set up yet."
        raise Refused("backup.node", wrong, "Run ./ccxsec up first.")
    files = {MASTER_KEYS: ring.to_text()}
    if own := own_secret_key():
        files[SECRET_KEY] = own
    if anchored:
        files[ANCHOR] = anchored.to_text().decode()
    applied = MigrationRecorder(connections[moment]).applied_migrations()
    return Manifest(
        taken_at=now.isoformat(timespec="seconds"),
        node=node.host_name,
        database=connections[moment].vendor,
        migrations=sorted([app, name] for app, name in applied),
        tables=[table.label for table in tables_of(apps)],
        files=files,
    )


def own_secret_key() -> str:
    """The product's secret key where it is in a file of ours; "" where the environment has it."""
    try:
        held = secret_key_file().read_text().strip()
    except OSError:
        return ""
    return held if held == settings.SECRET_KEY else ""


def secret_key_file() -> Path:
    """Where the product keeps the key that signs sessions, unless the environment has it."""
    return Path(settings.CCXSEC_DATA) / SECRET_KEY


def _refuse_missing(ring: KeyRing, moment: str) -> None:
    """A backup with values that nobody can open is none."""
    for model, column in SEALED_COLUMNS:
        values = model._default_manager.using(moment).values_list(column, flat=True)
        for sealed in values.iterator(chunk_size=2000):
            number = master_key_of(bytes(sealed))
            if number not in ring.keys:
                wrong = f"Master key {number} is needed to open the database, and is not there."
                cure = "Put it back (docs/master-keys.md), then make the backup again."
                raise Refused("backup.master-keys", wrong, cure)


def _read_back(file: BinaryIO, written: _Written) -> None:
    """Every byte, from the disk as far as the system tells: it opens, and all rows are there."""
    file.seek(0)
    header, rows = read_header(file), -3  # manifest, files and end are no rows
    try:
        for line in read_lines(read_chunks(file, written.key, header.digest)):
            rows += not (isinstance(line, dict) and "table" in line)
    except Refused as refused:
        wrong = f"What was written can't be read back: {refused.sentence}"
        raise Refused("backup.unread", wrong, "Look at the disk, and make another.") from refused
    if rows != sum(written.rows.values()):
        wrong = f"Of {sum(written.rows.values())} rows only {rows} can be read back."
        raise Refused("backup.unread", wrong, "Look at the disk, and make another.")


def _recorded(name: str, written: _Written, actor: Actor) -> Created:
    """In the caller's transaction: the event, and the end of the reminder."""
    Event.objects.hold()
    closed = False
    if written.reminder:
        closed = BackupReminder.objects.close_as_of(
            written.reminder, by=str(actor), now=timezone.now()
        )
    Event.objects.record(
        str(actor),
        Action.BACKUP_CREATE,
        name,
        taken_at=written.taken_at.isoformat(timespec="seconds"),
        size=written.file.size,
        sha256=written.file.digest,
        opens_with=written.opens_with,
    )
    return Created(
        name=name,
        taken_at=written.taken_at,
        size=written.file.size,
        sha256=written.file.digest,
        rows=written.rows,
        opens_with=written.opens_with,
        closed_reminder=closed,
    )


@contextmanager
def _plainly(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        wrong = f"The backup can't be written to {target.parent}: {error.strerror}."
        cure = "Free space, mend its rights, or choose another folder. No file was left."
        raise Refused("backup.unwritable", wrong, cure) from error
