"""What servers really serve: where we look, and the certificates found there that are not ours."""

from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from certificates.models.certificate import file_stem
from certificates.models.node import Node
from certificates.models.purpose import Service
from certificates.models.read_columns import ReadColumns, columns
from certificates.sentence import say
from certificates.x509.facts import Facts

PROBED_EACH = timedelta(hours=1)
MOST_ENDPOINTS = 200  # as many as one job can look at in its time
MOST_GONE = 20  # of an endpoint that are kept after they are no longer served


class Answer(StrEnum):
    """What the last look at an endpoint came to."""

    NEVER = "not probed yet"
    SERVED = "served a certificate"
    FAILED = "no certificate"


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def due(self, now: datetime) -> Self:
        """Not looked at for an hour, or never: that one first."""
        return self.filter(Q(probed_at=None) | Q(probed_at__lte=now - PROBED_EACH)).order_by(
            models.F("probed_at").asc(nulls_first=True), "pk"
        )

    def in_order(self) -> Self:
        return self.select_related("node").order_by("node__role", "node__host_name", "port", "pk")


class Endpoint(models.Model):
    """An address at which TLS is spoken; what it served last, or why it did not."""

    node = models.ForeignKey(Node, models.PROTECT, related_name="endpoints")
    host = models.CharField(
        max_length=253, blank=True, help_text="Host name or address; empty: the node's own."
    )
    port = models.PositiveIntegerField()
    server_name = models.CharField(
        max_length=253, blank=True, help_text="Asked for by SNI; empty: the host name."
    )
    service = models.CharField(
        max_length=12, blank=True, choices=[(s.value, s.value) for s in Service]
    )
    added_by = models.CharField(max_length=200)
    added_at = models.DateTimeField(auto_now_add=True)
    probed_at = models.DateTimeField(null=True)
    served_at = models.DateTimeField(null=True, help_text="When it served `fingerprint` last.")
    fingerprint = models.CharField(max_length=64, blank=True, help_text="SHA-256, hexadecimal.")
    error = models.CharField(max_length=300, blank=True, help_text="Of the last look, in words.")

    objects = EndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("endpoint")
        verbose_name_plural = _("endpoints")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["node", "host", "port", "server_name"], name="one_endpoint_per_address"
            )
        ]

    def __str__(self) -> str:
        host = self.place
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def place(self) -> str:
        """The host that is looked at; of a node itself its first address, else its name."""
        return self.host or next(iter(self.node.addresses), self.node.host_name)

    @property
    def asked_name(self) -> str:
        """For SNI, which knows host names only (RFC 6066, 3); "" where there is none."""
        name = self.server_name or self.host or self.node.host_name
        try:
            ip_address(name)
        except ValueError:
            return name
        return ""

    @property
    def answer(self) -> Answer:
        if self.probed_at is None:
            return Answer.NEVER
        return Answer.FAILED if self.error else Answer.SERVED


class ObservedQuerySet(models.QuerySet["Observed"]):
    def watched(self) -> Self:
        """Served when it was looked at last: expirations of these are warned of (MO-2)."""
        return self.filter(gone_at=None).select_related("node")

    def gone(self) -> Self:
        """No longer served, the one that went last first."""
        return self.filter(gone_at__isnull=False).order_by("-gone_at", "-pk")

    def create_from(
        self, endpoint: Endpoint, facts: Facts, *, is_leaf: bool, now: datetime
    ) -> "Observed":
        """Keep exactly `facts.der`; every other column is derived from it."""
        stem = file_stem(f"{endpoint.place}_{endpoint.port}")
        if not is_leaf:
            stem += f"_{facts.fingerprint[:16]}"
        return self.create(
            endpoint=endpoint,
            node=endpoint.node,
            file_name=f"{stem}.pem",
            is_leaf=is_leaf,
            first_seen=now,
            last_seen=now,
            **columns(facts),
        )


class Observed(ReadColumns):
    """A certificate that an endpoint serves and that is in none of our stores.

    The server's own one, or an issuer that it sends along. Of those that are no longer served the
    newest are kept, until their endpoint is removed.
    """

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="observed")
    node = models.ForeignKey(Node, models.PROTECT, related_name="observed")
    file_name = models.CharField(max_length=160)
    is_leaf = models.BooleanField(help_text="The server's own; else it was sent along with it.")
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, help_text="When it was no longer served.")

    objects = ObservedQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "fingerprint"], name="observed_once_per_endpoint"
            )
        ]
        indexes = [
            models.Index(fields=["gone_at", "not_after", "id"], name="observed_by_expiry"),
        ]

    def __str__(self) -> str:
        return say(
            "observed certificate of {node} ({file_name})", node=self.node, file_name=self.file_name
        )
