"""How backups are made by themselves: one row, changed on the page Backup (CM-10)."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models

from certificates.sentence import say

LONGEST_HOURS, MOST_KEPT = 24 * 90, 1_000


class BackupLock(models.TextChoices):
    NONE = "", say("Not chosen yet")
    RECIPIENT = "recipient", say("A recipient's public key")
    PASSPHRASE = "passphrase", say("A passphrase that is kept sealed on this server")


class BackupSettingsQuerySet(models.QuerySet["BackupSettings"]):
    def current(self) -> "BackupSettings":
        """The row; before anything was chosen, one that is not in the database yet."""
        return self.first() or BackupSettings()

    def lock(self) -> "BackupSettings":
        """The row, locked, inside the transaction of its change."""
        self.get_or_create(pk=1)
        return self.select_for_update().get(pk=1)

    def claim(self, due: "BackupSettings", now: datetime) -> bool:
        """Take the run that is due. False: another process has taken it."""
        same = self.filter(pk=due.pk, begun_at=due.begun_at)
        return same.update(begun_at=now) == 1


class BackupSettings(models.Model):
    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    folder = models.CharField(
        max_length=500, blank=True, help_text="Absolute path; empty: `backups` in the data folder."
    )
    locked_by = models.CharField(
        max_length=12, choices=BackupLock, default=BackupLock.NONE, blank=True
    )
    recipient = models.CharField(max_length=100, blank=True, help_text="Its public key.")
    every_hours = models.PositiveIntegerField(default=0, help_text="0: only when asked for.")
    kept = models.PositiveIntegerField(default=14, help_text="How many backups stay in the folder.")
    begun_at = models.DateTimeField(null=True, help_text="The last run that the schedule began.")
    ended_at = models.DateTimeField(null=True, help_text="The end of the last run of any kind.")
    succeeded = models.BooleanField(default=True)
    result = models.CharField(max_length=600, blank=True, help_text="What the last run came to.")

    objects = BackupSettingsQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [("back_up_product", "Can make, download and schedule backups")]

    def __str__(self) -> str:
        return say("backup settings")

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1  # there is one row
        super().save(*args, **kwargs)

    @property
    def is_scheduled(self) -> bool:
        return self.every_hours > 0 and self.locked_by != BackupLock.NONE

    @property
    def next_at(self) -> datetime | None:
        """When the next one is due; None: as soon as anybody looks, or never."""
        if not self.is_scheduled or self.begun_at is None:
            return None
        return self.begun_at + timedelta(hours=self.every_hours)

    def is_due(self, now: datetime) -> bool:
        """Runs that were missed are one run. A last run in the future: the clock was put back."""
        if not self.is_scheduled:
            return False
        begun, following = self.begun_at, self.next_at
        return begun is None or following is None or now >= following or begun > now
