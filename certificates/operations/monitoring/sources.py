"""What is watched. A source is a table whose rows expire, and how a notice describes one.

Certificates of all nodes, own and trust, are the first source; what servers serve and is none of
ours the second.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable

from certificates.models import Acknowledgement, Certificate, Observed, SilenceRule
from certificates.models.certificate import State
from certificates.models.monitor import SilenceField, SilenceOperator


@dataclass(frozen=True)
class Source:
    """Rows that expire.

    Args:
        name: the part of a watched thing's key before its colon (`certificate:123`).
        rows: every row that is watched, by an index of `not_after`.
        described: how a notice's columns follow from a row: node, file_name, unit, type,
            common_name, fingerprint.
        not_after: the column with the expiry.
        page: address of a row's page, below the product's own address.
        silenced: the rows that a rule leaves out; None: no rule reaches this source.
    """

    name: str
    rows: Callable[[], QuerySet[Any]]
    described: dict[str, Combinable]
    page: Callable[[int], str]
    not_after: str = "not_after"
    silenced: Callable[[SilenceRule], Q] | None = None

    def due(self, until: datetime) -> QuerySet[Any]:
        """Everything that expires up to `until`, the expired ones too."""
        return self.rows().filter(**{f"{self.not_after}__lte": until})

    def told(self, until: datetime, *, now: datetime) -> QuerySet[Any]:
        """What is due and neither acknowledged nor silenced."""
        return self.due(until).exclude(self.is_silenced()).exclude(self.is_acknowledged(now))

    def is_acknowledged(self, now: datetime) -> Exists:
        said = Acknowledgement.objects.in_force(now).filter(source=self.name)
        return Exists(said.filter(source_key=OuterRef("pk")))

    def is_silenced(self) -> Q:
        """Nothing where no rule reaches."""
        wanted = Q(pk__in=[])
        for rule in SilenceRule.objects.all() if self.silenced else ():
            wanted |= self.silenced(rule)  # type: ignore[misc] # not None, asked above
        return wanted


def _silenced_certificates(rule: SilenceRule) -> Q:
    """Trust certificates alone: an own one is acknowledged by somebody, with a date."""
    exactly = rule.operator == SilenceOperator.IS
    how = "iexact" if exactly else "icontains"
    columns = {
        SilenceField.PURPOSE: ("purpose",),
        SilenceField.ISSUER: ("issuer", "issuer_common_name"),
        SilenceField.COMMON_NAME: ("common_name",),
    }[SilenceField(rule.field)]
    wanted = Q()
    for column in columns:
        wanted |= Q(**{f"{column}__{how}": rule.value})
    return Q(is_own=False) & wanted


CERTIFICATES = Source(
    name="certificate",
    rows=lambda: Certificate.objects.filter(state=State.ACTIVE),
    described={
        "node": F("node__host_name"),
        "file_name": F("file_name"),
        "unit": F("purpose"),
        "type": Case(When(is_own=True, then=Value("own-cert")), default=Value("trust-cert")),
        "common_name": F("common_name"),
        "fingerprint": F("fingerprint"),
    },
    page=lambda key: f"admin/certificates/certificate/{key}/change/",
    silenced=_silenced_certificates,
)
OBSERVED = Source(
    name="observed",
    rows=lambda: Observed.objects.filter(gone_at=None),
    described={
        "node": F("node__host_name"),
        "file_name": F("file_name"),
        "unit": Value("observed"),
        "type": Value("observed"),
        "common_name": F("common_name"),
        "fingerprint": F("fingerprint"),
    },
    page=lambda key: f"admin/certificates/observed/{key}/",
)
SOURCES: list[Source] = [CERTIFICATES, OBSERVED]
