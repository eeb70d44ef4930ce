"""Hand out a backup: it holds everything, so each time is an event (CM-10)."""

from pathlib import Path

from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import Action, BackupSettings, Event
from certificates.operations.backup.folder import backup_named
from certificates.operations.backup.schedule import folder_of
from certificates.refusal import Refused
from certificates.sentence import say


@transaction.atomic
def note_download(name: str, *, actor: Actor) -> Path:
    """The file that may be handed out by now.

    Raises:
        PermissionDenied: `actor` may not make backups.
        Refused: backup.gone.
    """
    actor.require(Permission.BACKUP)
    path = backup_named(folder_of(BackupSettings.objects.current()), name)
    if path is None:
        wrong = say("There is no such backup in the folder any more.")
        raise Refused("backup.gone", wrong, say("Open the page again."))
    Event.objects.record(str(actor), Action.BACKUP_DOWNLOAD, path.name)
    return path
