"""The history of a policy: what the IKE daemon told of it, pruned by age (IP-7)."""

from datetime import datetime

from django.db import models

from certificates.sentence import say
from ipsec.models.policy import Policy


class Kind(models.TextChoices):
    UP = "up", say("Up")
    DOWN = "down", say("Down")
    REKEY = "rekey", say("Rekeyed")
    FAILED = "failed", say("Failed")
    DAEMON = "daemon", say("Daemon restarted")


class NegotiationQuerySet(models.QuerySet["Negotiation"]):
    def prune(self, *, before: datetime) -> int:
        """Delete what is older, at most 5,000 rows at a time."""
        old = self.filter(last_at__lt=before).order_by("pk").values_list("pk", flat=True)[:5_000]
        return self.filter(pk__in=list(old)).delete()[0]


class Negotiation(models.Model):
    """One thing that happened to a policy on the wire.

    `field`: the policy's field that most likely has to be mended; "" where none is known.
    A failure that comes again and again is one row: `times`, from `at` to `last_at`.
    """

    policy = models.ForeignKey(Policy, models.CASCADE, related_name="negotiations")
    at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)
    kind = models.CharField(max_length=8, choices=Kind)
    sentence = models.CharField(max_length=500)
    cure = models.CharField(max_length=500, blank=True)
    field = models.CharField(max_length=24, blank=True)

    objects = NegotiationQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["policy", "-at"], name="negotiations_of_policy"),
            models.Index(fields=["last_at"], name="negotiations_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.policy}: {self.kind}"
