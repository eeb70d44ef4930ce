"""Backups that the product makes by itself: on the page's button, and by the clock (CM-10).

No passphrase travels to the worker: it finds a recipient's public key in the settings, or opens
the passphrase that is kept sealed.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from certificates.access import Actor, Permission
from certificates.backup_format.keys import (
    Lock,
    Passphrase,
    checked_passphrase,
    read_recipient,
)
from certificates.jobs import enqueue, job
from certificates.local_files import make_folder
from certificates.models import (
    Action,
    BackupLock,
    BackupSettings,
    Event,
    Job,
    JobState,
    Node,
    Secret,
)
from certificates.models.backup import LONGEST_HOURS, MOST_KEPT
from certificates.operations.backup.create import BackupStopped, Created, create_backup
from certificates.operations.backup.folder import free_name, superfluous
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

KIND = "backup"
PASSPHRASE = "backup-passphrase"  # noqa: S105 - the name of the secret


@dataclass(frozen=True, slots=True)
class Choice:
    """What an operator chooses; `passphrase` "" keeps the one that is sealed already."""

    locked_by: str
    recipient: str = ""
    passphrase: str = ""
    folder: str = ""
    every_hours: int = 0
    kept: int = 14

    def __repr__(self) -> str:
        return f"Choice({self.locked_by}, {self.folder!r})"


def folder_of(row: BackupSettings) -> Path:
    """The folder for backups: the chosen one, or our own."""
    return Path(row.folder) if row.folder else Path(settings.CCXSEC_DATA) / "backups"


def set_backups(choice: Choice, *, actor: Actor) -> BackupSettings:
    """Change how backups are made.

    Raises:
        PermissionDenied: `actor` may not make backups.
        Refused: backup.recipient, backup.passphrase-short, backup.passphrase-missing,
            backup.folder, backup.every, backup.kept, backup.lock-missing. Nothing was changed.
    """
    actor.require(Permission.BACKUP)
    folder = _checked_folder(choice.folder)
    _check_numbers(choice)
    recipient = ""
    if choice.locked_by == BackupLock.RECIPIENT:
        recipient = str(read_recipient(choice.recipient))
    elif choice.locked_by == BackupLock.PASSPHRASE:
        _check_passphrase(choice.passphrase)
    else:
        wrong = say("It is not chosen who can open the backups.")
        raise Refused(
            "backup.lock-missing", wrong, say("Choose a recipient's key or a passphrase.")
        )
    with transaction.atomic():
        Event.objects.hold()
        row = BackupSettings.objects.lock()
        was_scheduled = row.is_scheduled
        row.locked_by, row.recipient, row.folder = choice.locked_by, recipient, folder
        row.every_hours, row.kept = choice.every_hours, choice.kept
        if not was_scheduled:
            row.begun_at = None  # the first one comes at once
        row.save()
        if choice.locked_by != BackupLock.PASSPHRASE:
            Secret.objects.filter(name=PASSPHRASE).delete()
        elif choice.passphrase:
            Secret.objects.keep(PASSPHRASE, choice.passphrase.encode())
        Event.objects.record(
            str(actor),
            Action.BACKUP_SETTINGS,
            row,
            locked_by=row.locked_by,
            recipient=recipient,
            folder=str(folder_of(row)),
            every_hours=row.every_hours,
            kept=row.kept,
            new_passphrase=bool(choice.passphrase),
        )
    return row


def request_backup(*, actor: Actor) -> Job:
    """Queue a backup by the settings; one that is under way already is returned instead.

    Raises:
        PermissionDenied: `actor` may not make backups.
        Refused: backup.lock-missing.
    """
    actor.require(Permission.BACKUP)
    if BackupSettings.objects.current().locked_by == BackupLock.NONE:
        wrong = say("It is not chosen yet who can open the backups.")
        raise Refused(
            "backup.lock-missing", wrong, say("Choose it in the settings below, then save.")
        )
    with transaction.atomic():
        Event.objects.hold()
        under_way = _under_way()
        return under_way or _enqueue(started_by=str(actor))


def begin_due_backup(*, now: datetime) -> Job | None:
    """Queue the backup that the schedule asks for; for the upkeep of each minute."""
    row = BackupSettings.objects.current()
    if not row.is_due(now):
        return None
    with transaction.atomic():
        Event.objects.hold()
        if _under_way() or not BackupSettings.objects.claim(row, now):
            return None
        return _enqueue(started_by="schedule")


def _under_way() -> Job | None:
    states = [JobState.QUEUED, JobState.RUNNING]
    return Job.objects.filter(kind=KIND, state__in=states).first()


def _enqueue(*, started_by: str) -> Job:
    return enqueue(KIND, "of everything", once=KIND, started_by=started_by)


@job(KIND)
def _backup_job(row: Job) -> str:
    """What came of it stays on the page, however it ended."""
    try:
        sentence = _make(row)
    except BackupStopped:
        _note("The last backup was cancelled; nothing was kept.", succeeded=False)
        return "Cancelled; nothing was kept."
    except Refused as refused:
        _note(str(refused), succeeded=False)
        raise
    _note(sentence, succeeded=True)
    return sentence


def _make(row: Job) -> str:
    chosen, now = BackupSettings.objects.current(), timezone.now()
    locks, folder = _locks(chosen), folder_of(chosen)
    if not chosen.folder:
        make_folder(folder)
    if not folder.is_dir():
        wrong = f"The folder for backups, {folder}, is not there."
        cure = "Is its disk mounted? Make it, or choose another one in the settings."
        raise Refused("backup.folder-gone", wrong, cure)
    node = Node.objects.local()
    created = create_backup(
        free_name(folder, node.host_name, now),
        locks=locks,
        actor=Actor(row.started_by),
        now=now,
        progress=lambda done, total: row.report(done=done, total=total, now=timezone.now()),
    )
    removed = _remove_old(folder, node, chosen.kept, created, Actor(row.started_by))
    gone = f" {removed} older ones were removed." if removed else ""
    size = f"{sum(created.rows.values()):,} rows in {created.size:,} bytes"
    return f"{created.name} was made and read back: {size}.{gone}"


def _locks(chosen: BackupSettings) -> list[Lock]:
    if chosen.locked_by == BackupLock.RECIPIENT:
        return [read_recipient(chosen.recipient)]
    sealed = Secret.objects.filter(name=PASSPHRASE).first()
    if chosen.locked_by == BackupLock.PASSPHRASE and sealed:
        return [Passphrase(sealed.unseal().decode())]
    wrong = "It is not chosen who can open the backups."
    raise Refused("backup.lock-missing", wrong, "Choose it in the settings of the page Backup.")


def _remove_old(folder: Path, node: Node, kept: int, created: Created, actor: Actor) -> int:
    """Each with its event, after the new one is safe. What can't be removed stays."""
    newest, removed = folder / created.name, 0
    for path in superfluous(folder, node.host_name, kept=kept, newest=newest):
        try:
            with transaction.atomic():
                Event.objects.record(str(actor), Action.BACKUP_REMOVE, path.name, kept=kept)
                path.unlink()
        except OSError:
            break
        removed += 1
    return removed


def _note(result: str, *, succeeded: bool) -> None:
    BackupSettings.objects.get_or_create(pk=1)
    BackupSettings.objects.filter(pk=1).update(
        ended_at=timezone.now(), succeeded=succeeded, result=visible(result)[:600]
    )


def _checked_folder(text: str) -> str:
    """Raises `Refused` backup.folder."""
    if not text:
        return ""
    path, wrong = Path(text), ""
    if visible(text) != text or not path.is_absolute() or len(text) > 400 or "\0" in text:  # noqa: PLR2004
        wrong = say("{text} is not the absolute path of a folder.", text=repr(visible(text)[:100]))
    elif _is_in(path, Path(settings.STATIC_ROOT)) or _is_in(path, Path(settings.CCXSEC_STORE)):
        wrong = say(
            "{path} belongs to the product itself: its files are served or replaced.", path=path
        )
    elif not path.is_dir():
        wrong = say("There is no folder {path} on this server.", path=path)
    if wrong:
        cure = say("Name a folder that the product may write to, best on another disk.")
        raise Refused("backup.folder", wrong, cure)
    return str(path)


def _is_in(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _check_numbers(choice: Choice) -> None:
    if not 0 <= choice.every_hours <= LONGEST_HOURS:
        wrong = say("A backup can't be made every {hours} hours.", hours=choice.every_hours)
        raise Refused(
            "backup.every",
            wrong,
            say("Choose 1 to {most} days, or never.", most=LONGEST_HOURS // 24),
        )
    if not 1 <= choice.kept <= MOST_KEPT:
        wrong = say("{kept} backups can't be kept.", kept=choice.kept)
        raise Refused("backup.kept", wrong, say("Choose 1 to {most}.", most=MOST_KEPT))


def _check_passphrase(text: str) -> None:
    if text:
        checked_passphrase(text)
    elif not Secret.objects.filter(name=PASSPHRASE).exists():
        wrong = say("There is no passphrase yet.")
        raise Refused("backup.passphrase-missing", wrong, say("Type one, twice."))
