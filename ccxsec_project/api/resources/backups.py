"""Backups: which there are, and making one. They hold every key, so none is handed out here."""

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Router, Schema, Status

from ccxsec_project.api.authentication import actor_of
from ccxsec_project.api.fields import moment
from ccxsec_project.api.resources.jobs import JobOut, told
from certificates.access import Permission
from certificates.models import BackupReminder, BackupSettings
from certificates.operations import acknowledge_backup, request_backup
from certificates.operations.backup.folder import backups_in
from certificates.operations.backup.schedule import folder_of

router = Router(tags=["Backups"])
SHOWN = 100


class BackupOut(Schema):
    name: str
    size: int = Field(description="Bytes.")
    problem: str


class BackupsOut(Schema):
    reminder: str | None = Field(description="What is newer than the last backup.")
    reminded_at: str | None
    backups: list[BackupOut]


@router.get("", response=BackupsOut, summary="List backups, and whether one is due")
def list_backups(request: HttpRequest) -> dict[str, object]:
    """Needs the scope `certificates.back_up_product`."""
    actor_of(request).require(Permission.BACKUP)
    reminder = BackupReminder.objects.open().first()
    found = backups_in(folder_of(BackupSettings.objects.current()))
    return {
        "reminder": reminder.reason if reminder else None,
        "reminded_at": moment(reminder.opened_at) if reminder else None,
        "backups": [
            {"name": one.name, "size": one.size, "problem": one.problem} for one in found[:SHOWN]
        ],
    }


@router.post("", response={202: JobOut}, summary="Make a backup by the settings")
def make_backup(request: HttpRequest) -> Status[dict[str, object]]:
    """One that is under way already is returned instead.

    Needs the scope `certificates.back_up_product`.
    """
    return Status(202, told(request_backup(actor=actor_of(request))))


@router.post("/acknowledge", response={204: None}, summary="Say that a backup was made elsewhere")
def acknowledge(request: HttpRequest) -> Status[None]:
    """Needs the scope `certificates.configure_product`."""
    acknowledge_backup(actor=actor_of(request), now=timezone.now())
    return Status(204, None)
