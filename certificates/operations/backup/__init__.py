"""Backup: make one, verify it, put it back (CM-10)."""

from certificates.operations.backup.create import create_backup
from certificates.operations.backup.download import note_download
from certificates.operations.backup.restore import restore_backup
from certificates.operations.backup.schedule import begin_due_backup, request_backup, set_backups
from certificates.operations.backup.verify import verify_backup

__all__ = [
    "begin_due_backup",
    "create_backup",
    "note_download",
    "request_backup",
    "restore_backup",
    "set_backups",
    "verify_backup",
]
