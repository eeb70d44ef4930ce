"""Certificate signing requests (PKCS#10) that await the answer of a CA."""

from typing import Self

from django.db import models
from django.db.models import Q

from certificates.models.certificate import KEY_TYPES
from certificates.models.node import Node
from certificates.models.purpose import Purpose


class RequestState(models.TextChoices):
    PENDING = "pending", "Pending"
    CONSUMED = "consumed", "Consumed"
    SUPERSEDED = "superseded", "Superseded"
    CANCELLED = "cancelled", "Cancelled"


class SigningRequestQuerySet(models.QuerySet["SigningRequest"]):
    def pending(self) -> Self:
        return self.filter(state=RequestState.PENDING)


class SigningRequest(models.Model):
    """A request for an own certificate; in the list its type is "CSR only" (CM-1)."""

    node = models.ForeignKey(Node, models.PROTECT, related_name="signing_requests")
    purpose = models.CharField(max_length=24, choices=[(p.value, p.label) for p in Purpose.own()])
    state = models.CharField(max_length=12, choices=RequestState, default=RequestState.PENDING)
    common_name = models.CharField(max_length=255, blank=True)
    subject = models.TextField(blank=True)
    key_type = models.CharField(max_length=8, choices=KEY_TYPES)
    key_label = models.CharField(max_length=24)
    pem = models.TextField(help_text="PKCS#10 in PEM.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SigningRequestQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["purpose", "node"]
        constraints = [
            models.UniqueConstraint(
                fields=["node", "purpose"],
                condition=Q(state="pending"),
                name="one_pending_request_per_purpose",
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} signing request of {self.node}"

    @property
    def file_name(self) -> str:
        return f"{self.purpose}.csr"
