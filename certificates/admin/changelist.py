"""The Certificate List behind the screen: what is found, and what stands beside it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest

from certificates.admin.find_list import FindChangeList
from certificates.conditions import Condition
from certificates.find import FIELDS, selective, to_query, to_query_of_observed
from certificates.models import Certificate, Observed, SigningRequest

NAMESAKES = 2_000  # rows that are looked at for one page
MOST_OBSERVED = 20
FEW = 500  # rows that are looked up by their keys
LARGE_COLUMNS = ("der", "subject", "issuer", "subject_alternative_names", "undecoded")


def mark_older(rows: Sequence[Certificate]) -> None:
    """Set `is_older` on trust certificates that have a newer namesake in their store."""
    trusted = [row for row in rows if not row.is_own and row.subject_digest]
    namesakes: dict[tuple[int, str, str], list[datetime]] = defaultdict(list)
    if trusted:
        same = Certificate.objects.trust().filter(
            subject_digest__in={row.subject_digest for row in trusted},
            node__in={row.node_id for row in trusted},
        )
        keys = same.values_list("node_id", "purpose", "subject_digest", "not_before")
        for node, purpose, subject, begin in keys[:NAMESAKES]:
            if begin:
                namesakes[node, purpose, subject].append(begin)
    for row in rows:
        others = namesakes.get((row.node_id, row.purpose, row.subject_digest), [])
        row.is_older = bool(row.not_before and others and max(others) > row.not_before)


class CertificateChangeList(FindChangeList):
    """Certificates that were replaced are left to their successor's page."""

    first_field = "common_name"

    def to_query(self, conditions: Sequence[Condition]) -> Any:
        return to_query(conditions)

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> Any:
        self.root_queryset = Certificate.objects.active().defer(*LARGE_COLUMNS)
        return self._narrowed(super().get_queryset(request, exclude_parameters))

    def _narrowed(self, found: Any) -> Any:
        """Few rows by an index first, where a find row allows it; then order and filter those."""
        few = None if self.find_refused else selective(self.conditions)
        if few is None:
            return found
        rows = Certificate.objects.filter(few).order_by().values_list("pk", flat=True)
        keys = list(rows[: FEW + 1])
        return found.filter(pk__in=keys) if len(keys) <= FEW else found

    def get_results(self, request: HttpRequest) -> None:
        """Marks, among the rows of this page alone, those of which a newer one is there."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        mark_older(self.result_list)

    @property
    def signing_requests(self) -> list[SigningRequest]:
        """Pending ones that the same rows and filters find; shown on the first page (CM-1)."""
        if self.page_num != 1 or self.find_refused:
            return []
        wanted = Q()
        chosen = {spec.parameter_name: spec.value() for spec in self.own_filters}
        if chosen.get("expiry") or chosen.get("type") not in (None, "csr"):
            return []
        for parameter, column in {"purpose": "purpose", "node": "node", "key": "key_type"}.items():
            value = chosen.get(parameter)
            if value and value not in self.offered[parameter]:
                return []
            if value:
                wanted &= Q(**{column: value})
        pending = SigningRequest.objects.pending().select_related("node").defer("pem", "subject")
        return list(pending.filter(wanted, to_query(self.conditions, requests=True))[:100])

    @property
    def observed(self) -> list[Observed]:
        """Served somewhere and not ours, as the rows and filters find them; on the first page."""
        if self.page_num != 1 or self.find_refused:
            return []
        rows = Observed.objects.watched().filter(is_leaf=True).select_related("endpoint__node")
        found: Any = rows.filter(to_query_of_observed(self.conditions))
        for spec in self.own_filters:
            if spec.parameter_name == "purpose" and spec.value():
                return []
            found = spec.queryset(self.request, found)
        return list(found.defer(*LARGE_COLUMNS).order_by("not_after", "pk")[:MOST_OBSERVED])

    @property
    def offered(self) -> dict[str, set[str]]:
        """What each filter offers; anything else in the address finds nothing."""
        return {
            spec.parameter_name: {str(value) for value, _ in spec.lookup_choices}
            for spec in self.own_filters
        }

    @property
    def own_filters(self) -> list[Any]:
        return [spec for spec in self.filter_specs if hasattr(spec, "parameter_name")]


FIELD_CHOICES = [(name, field.label) for name, field in FIELDS.items()]
