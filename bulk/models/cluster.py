"""Other clusters: whose exports are believed, and which trust certificates came from them."""

from datetime import datetime
from typing import Any

from django.db import models

from certificates.models import Certificate


class Cluster(models.Model):
    """A cluster that an operator has confirmed; its exports are verified against `keys`.

    `keys`: per service the SHA-256 fingerprint of the public key that signs ("SHA256:…").
    `keys_at`: when the export was made that they are from, by that cluster's clock.
    `latest`: per service the number of the newest export that was imported; no older one is.
    """

    cluster_id = models.UUIDField(unique=True)
    name = models.CharField(max_length=100)
    nodes = models.JSONField(default=list)
    keys = models.JSONField(default=dict)
    keys_at = models.DateTimeField(null=True)
    latest = models.JSONField(default=dict)
    confirmed_at = models.DateTimeField()
    confirmed_by = models.CharField(max_length=200)

    class Meta:
        default_permissions = ()
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def knows(self, keys: dict[str, str]) -> bool:
        """Whether one of the keys that signed an export is a pinned one."""
        return bool({*self.keys.values()} & {*keys.values()})

    def learns_from(self, made_at: datetime) -> bool:
        """Whether an export made then tells its keys: none from before the one that told them.

        One of its keys may have been replaced since, perhaps because somebody else has it.
        """
        return self.keys_at is None or made_at >= self.keys_at

    def latest_number(self, service: str) -> int:
        value: Any = self.latest.get(service, 0)
        return int(value)


class Origin(models.Model):
    """A trust certificate came from a cluster's export.

    One that was there before is nobody's: it is never offered for removal.
    """

    certificate = models.ForeignKey(Certificate, models.CASCADE, related_name="origins")
    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="origins")
    exported_at = models.DateTimeField()
    imported_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["certificate", "cluster"], name="one_origin_per_cluster"
            )
        ]

    def __str__(self) -> str:
        return f"{self.certificate} from {self.cluster}"
