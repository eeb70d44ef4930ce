"""Certificate signing requests (PKCS#10), and what became of each (CM-16)."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from certificates.models.certificate import KEY_TYPES, Certificate
from certificates.models.node import Node
from certificates.models.private_key import PrivateKey
from certificates.models.purpose import Purpose
from certificates.sentence import say


class RequestState(models.TextChoices):
    PENDING = "pending", say("Pending")
    CONSUMED = "consumed", say("Consumed")
    SUPERSEDED = "superseded", say("Superseded")
    CANCELLED = "cancelled", say("Cancelled")


class SigningRequestQuerySet(models.QuerySet["SigningRequest"]):
    def pending(self) -> Self:
        return self.filter(state=RequestState.PENDING)

    def for_place(self, node: Node, purpose: Purpose) -> Self:
        """Whose certificate will be installed on `node`, also as one of several nodes."""
        return self.filter(nodes=node, purpose=purpose.value)


class SigningRequest(models.Model):
    """A request for an own certificate; in the list its type is "CSR only" (CM-1).

    Its key stays with it when it is superseded or cancelled: the answer of a CA that comes late
    can still be used, after the request was taken up again.
    """

    node = models.ForeignKey(Node, models.PROTECT, related_name="signing_requests")
    nodes = models.ManyToManyField(
        Node, related_name="+", help_text="All that share the identity, `node` among them."
    )
    purpose = models.CharField(
        _("purpose"), max_length=24, choices=[(p.value, p.label) for p in Purpose.own()]
    )
    state = models.CharField(
        _("state"), max_length=12, choices=RequestState, default=RequestState.PENDING
    )
    common_name = models.CharField(max_length=255, blank=True)
    subject = models.TextField(blank=True)
    subject_alternative_names = models.TextField(blank=True)
    key_type = models.CharField(max_length=8, choices=KEY_TYPES)
    key_label = models.CharField(max_length=24)
    public_key_fingerprint = models.CharField(
        max_length=64, db_index=True, help_text="SHA-256 of the SubjectPublicKeyInfo, hexadecimal."
    )
    pem = models.TextField(help_text="PKCS#10 in PEM.")
    private_key = models.OneToOneField(
        PrivateKey, models.PROTECT, null=True, related_name="signing_request"
    )
    certificate = models.ForeignKey(
        Certificate,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The answer that was installed.",
    )
    made_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    downloaded_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=200, blank=True)

    objects = SigningRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("signing request")
        verbose_name_plural = _("signing requests")
        default_permissions = ()
        ordering = ["purpose", "node", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["node", "purpose"],
                condition=Q(state="pending"),
                name="one_pending_request_per_purpose",
            ),
            models.CheckConstraint(
                condition=~Q(state="pending") | Q(private_key__isnull=False),
                name="pending_request_has_its_key",
            ),
        ]

    def __str__(self) -> str:
        return say("{purpose} signing request of {node}", purpose=self.purpose, node=self.node)

    @property
    def serves(self) -> Purpose:
        return Purpose(self.purpose)

    @property
    def file_name(self) -> str:
        return f"{self.purpose}.csr"

    @property
    def is_pending(self) -> bool:
        return self.state == RequestState.PENDING

    def close(self, state: RequestState, *, by: str, now: datetime) -> None:
        """No longer pending: consumed, superseded or cancelled."""
        self.state, self.closed_at, self.closed_by = state, now, by[:200]
        self.save(update_fields=["state", "closed_at", "closed_by", "certificate"])
