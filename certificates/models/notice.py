"""What an operator still has to do: restart a service, make a backup."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from certificates.models.node import Deployment, Node
from certificates.models.purpose import Service
from certificates.sentence import say, say_as


class Closing(models.TextChoices):
    OPEN = "", say_as("not done yet", "Open")
    SEEN = "seen", say("Seen in a TLS handshake")
    ACKNOWLEDGED = "acknowledged", say("Acknowledged")


# `RestartNotice.expected` of a change that no handshake shows, such as one of a trust store.
ONLY_A_RESTART = "a restart"


class NoticeQuerySet(models.QuerySet["RestartNotice"]):
    def open(self) -> Self:
        return self.filter(closed_at=None)

    def in_restart_order(self) -> Self:
        """Publisher first, one after the other (CM-7)."""
        return self.order_by("node__role", "node__host_name", "service")

    def open_for(
        self, service: Service, *, changed: Node, fingerprint: str, reason: str, now: datetime
    ) -> None:
        """A notice for every node of the cluster, as the manual asks (CM-7).

        On the changed node it expects `fingerprint` (SHA-256, hexadecimal) to be served; "" where
        no handshake can show the change: then nothing but a restart closes it, whatever identity
        is replaced before that. One that is open already is renewed, not doubled.
        """
        about: dict[str, Any] = {"reason": reason, "opened_at": now, "ran_at": None}
        for node in Node.objects.in_restart_order():
            place: dict[str, Any] = {"node": node, "service": service.value, "closed_at": None}
            if node == changed:
                unseen = self.filter(**place, expected=ONLY_A_RESTART).exists()
                expected = fingerprint if fingerprint and not unseen else ONLY_A_RESTART
                self.update_or_create(**place, defaults=about | {"expected": expected})
            else:  # a reason of its own is the better one
                self.get_or_create(**place, defaults=about)


class RestartNotice(models.Model):
    """The notice "Restart required" for a service of a node, until it was done or acknowledged."""

    node = models.ForeignKey(Node, models.PROTECT, related_name="restart_notices")
    service = models.CharField(max_length=12, choices=[(s.value, s.value) for s in Service])
    reason = models.CharField(max_length=300)
    expected = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 fingerprint that a handshake must show."
    )
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=200, blank=True)
    closing = models.CharField(max_length=12, choices=Closing, default=Closing.OPEN, blank=True)
    ran_at = models.DateTimeField(null=True, help_text="When its command ended well, since then.")

    objects = NoticeQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["node", "service"],
                condition=Q(closed_at=None),
                name="one_open_notice_per_service",
            )
        ]

    def __str__(self) -> str:
        return say("restart of {service} on {node}", service=self.service, node=self.node)

    @property
    def fingerprint(self) -> str:
        """What a handshake shows after the restart; "" where it tells nothing."""
        return "" if self.expected == ONLY_A_RESTART else self.expected

    @cached_property
    def place(self) -> Deployment:
        """Where the service runs, and how it is restarted."""
        return Deployment.objects.place(self.node, Service(self.service))

    @property
    def can_be_run(self) -> bool:
        """Whether this product can restart it."""
        return self.place.can_restart


NEWER = "Newer than the last backup: "
MOST_NAMED = 8  # of the newest things that a reminder names


class ReminderQuerySet(models.QuerySet["BackupReminder"]):
    def open(self) -> Self:
        return self.filter(closed_at=None)

    def remind(self, what: str, now: datetime) -> None:
        """Open the reminder, or add to it what is newer than the last backup by now."""
        row, _ = self.get_or_create(closed_at=None, defaults={"opened_at": now})
        named = row.reason.removeprefix(NEWER).rstrip(".").split(", ") if row.reason else []
        kept = named if what in named else [*named, what][-MOST_NAMED:]
        reason, revision = f"{NEWER}{', '.join(kept)}.", models.F("revision") + 1
        self.filter(pk=row.pk).update(reason=reason, revision=revision)

    def close_as_of(self, seen: "BackupReminder", *, by: str, now: datetime) -> bool:
        """A backup holds what `seen` asks for. False: it was closed, or asks for more by now."""
        same = self.open().filter(pk=seen.pk, revision=seen.revision)
        return same.update(closed_at=now, closed_by=by[:200]) == 1


class BackupReminder(models.Model):
    """A backup must be made that holds the newest certificates and keys (CM-10)."""

    reason = models.TextField(blank=True)
    revision = models.PositiveIntegerField(
        default=0, help_text="Counts what it was told: no clock says which was first."
    )
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=200, blank=True)

    objects = ReminderQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=Q(closed_at=None), name="one_open_reminder"
            )
        ]

    def __str__(self) -> str:
        return say("backup reminder")
