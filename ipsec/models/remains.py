"""Traffic that is protected no more, until the kernel certainly does not hold it (IP-7)."""

from collections.abc import Iterable

from django.db import models

from ipsec.policy.definition import Definition

_FIELDS = ("source_address", "destination_address", "protocol", "source_port", "destination_port")


class RemainsQuerySet(models.QuerySet["Remains"]):
    def of(self, definitions: Iterable[Definition]) -> None:
        """Note that these were in force once, in the transaction that ends it."""
        rows = [
            Remains(**{field: getattr(definition, field) for field in _FIELDS})
            for definition in definitions
        ]
        self.bulk_create(rows, ignore_conflicts=True, batch_size=500)


class Remains(models.Model):
    """The selector of a policy that was disabled, deleted or changed.

    A daemon that is killed leaves its policies in the kernel, and the next one does not know
    them: they would block their traffic for ever.
    """

    source_address = models.CharField(max_length=253)
    destination_address = models.CharField(max_length=253)
    protocol = models.CharField(max_length=4)
    source_port = models.PositiveIntegerField()
    destination_port = models.PositiveIntegerField()

    objects = RemainsQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=list(_FIELDS), name="remains_once")]

    def __str__(self) -> str:
        return f"{self.source_address} to {self.destination_address}"
