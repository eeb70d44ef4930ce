"""What holds for all policies: whether a system upgrade is in progress (IP-5)."""

from django.db import models

from certificates.refusal import Refused
from certificates.sentence import say


class SettingsQuerySet(models.QuerySet["IpsecSettings"]):
    def current(self) -> "IpsecSettings":
        return self.filter(pk=1).first() or IpsecSettings(pk=1)

    def refuse_during_upgrade(self) -> None:
        """Raises `Refused` upgrade.in-progress, with the manual's reason."""
        row = self.current()
        if row.upgrade_in_progress:
            wrong = say(
                "A system upgrade is in progress (said {upgrade_by}): any changes "
                "that you make to an IPSec policy during a system upgrade are lost.",
                upgrade_by=row.upgrade_by,
            )
            cure = say("Wait for its end, then take out the mark System upgrade in progress.")
            raise Refused("upgrade.in-progress", wrong, cure)


class IpsecSettings(models.Model):
    """One row."""

    upgrade_in_progress = models.BooleanField(default=False)
    upgrade_since = models.DateTimeField(null=True)
    upgrade_by = models.CharField(max_length=200, blank=True)

    objects = SettingsQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return "IPSEC settings"
