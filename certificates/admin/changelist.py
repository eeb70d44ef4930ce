"""The Certificate List behind the screen: what is found, and what stands beside it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR
from django.core.paginator import InvalidPage
from django.db.models import Q
from django.http import HttpRequest

from certificates.admin import find_list
from certificates.admin.find_list import FindChangeList
from certificates.admin.walk import FIRST, LAST, LIST_ORDER, ORDERS, Place, Stretch, stretch
from certificates.conditions import Condition
from certificates.find import (
    COVERED,
    FIELDS,
    few_by_date,
    few_keys,
    to_query,
    to_query_of_observed,
)
from certificates.models import Certificate, Observed, SigningRequest, State
from certificates.models.search import unindexed
from certificates.sentence import say_as

DATED = 50_000  # rows of which each is looked at, where an index says only when they expire
NAMESAKES = 2_000  # rows that are looked at for one page
MOST_OBSERVED = 20
WALK = "walk"  # in the address: where a page begins that has no number
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
    own_parameters = (WALK,)
    stretch: Stretch | None = None

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        for parameters in (self.params, self.filter_params):
            parameters.pop(WALK, None)  # another order or filter begins at its first page

    def to_query(self, conditions: Sequence[Condition]) -> Any:
        return to_query(conditions)

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> Any:
        self.root_queryset = Certificate.objects.active().defer(*LARGE_COLUMNS)
        found = super().get_queryset(request, exclude_parameters)
        self.few = None if self.find_refused else few_keys(self.conditions, find_list.COUNTED)
        return found if self.few is None else found.filter(pk__among=self.few)

    def get_ordering(self, request: HttpRequest, queryset: Any) -> Any:
        """By one column, the one that was clicked last; `self.order` for everything else."""
        self.order, fields = LIST_ORDER, super().get_ordering(request, queryset)
        if self.params.get(ORDER_VAR) and isinstance(fields[0], str):
            name = fields[0].removeprefix("-")
            if name in ORDERS:
                self.order = replace(ORDERS[name], descending=fields[0].startswith("-"))
        return self.order.directed

    def get_ordering_field_columns(self) -> Any:
        columns = super().get_ordering_field_columns()
        return dict(list(columns.items())[:1])

    def get_results(self, request: HttpRequest) -> None:
        """Counted and numbered pages of few rows; of more, pages from a row on.

        Marks, among the rows of this page alone, those of which a newer one is there.
        """
        self.full_result_count, self.show_full_result_count = None, False
        self.show_admin_actions = True
        rows, count = self._counted()
        if count is not None and count <= find_list.COUNTED:
            self._number(rows, count)
        else:
            self._walk(request.GET.get(WALK, ""), is_counted=count is not None)
        mark_older(self.result_list)

    def _number(self, rows: Any, count: int) -> None:
        rows = rows.select_related("node").defer(*LARGE_COLUMNS)
        self.queryset = rows.order_by(*self.order.directed)
        self._page_by(count)
        try:
            page = self.paginator.page(self.page_num if self.multi_page else 1)
        except InvalidPage:
            raise IncorrectLookupParameters from None
        self.result_list = list(page.object_list)

    def _page_by(self, count: int) -> None:
        size = self.list_per_page
        self.paginator = self.model_admin.get_paginator(self.request, self.queryset, size)
        self.paginator.count = self.result_count = count
        self.multi_page, self.can_show_all = count > size, count <= self.list_max_show_all

    def _counted(self) -> tuple[Any, int | None]:
        """All rows, and how many, up to one more than are counted; None if that takes long."""
        rows, most = Certificate.objects.active(), find_list.COUNTED + 1
        if self.find_refused:
            return rows.none(), 0
        if not self.wanted:
            return rows, rows[:most].count()
        fields = {condition.field for condition in self.conditions}
        few = self._few_by_date() if self.few is None else self.few
        is_long = few is None and not fields.issubset(COVERED)
        if is_long and rows[:most].count() == most:
            return rows, None
        found = unindexed(rows, self.wanted)
        if few is not None:
            found = unindexed(Certificate.objects.all(), self.wanted & Q(state=State.ACTIVE))
            found = found.filter(pk__among=few)
        keys = list(found.values_list("pk", flat=True)[:most])
        # The keys say all: whatever else were asked, a planner might look it up first.
        return Certificate.objects.filter(pk__among=keys), len(keys)

    def _few_by_date(self) -> list[int] | None:
        """Keys among which all is that is found, if dates are asked for and something else."""
        filters = {spec.parameter_name: spec.condition() for spec in self.own_filters}
        dates = filters.pop("expiry", Q())
        others = [c for c in self.conditions if not FIELDS[c.field].is_date]
        if not others and not any(filters.values()):
            return None
        return few_by_date(self.conditions, dates, DATED)

    def _walk(self, place: str, *, is_counted: bool) -> None:
        active = Certificate.objects.active()
        rows = unindexed(active, self.wanted, but=self.order.indexed)
        self.stretch = stretch(rows, self.order, Place.read(place), self.list_per_page)
        shown = active.select_related("node").defer(*LARGE_COLUMNS)
        by_key = shown.in_bulk(self.stretch.keys)
        # One that was deleted or replaced just now is left out.
        self.result_list = [by_key[key] for key in self.stretch.keys if key in by_key]
        self.is_uncounted = not is_counted
        self._page_by(find_list.COUNTED + 1)

    @property
    def wanted(self) -> Q:
        """What find rows and filters ask for, together."""
        asked: Q = self.to_query(self.conditions)
        for spec in self.own_filters:
            asked &= spec.condition()
        return asked

    @property
    def ways(self) -> list[tuple[str, str]]:
        """Label and address of the pages that can be gone to from this one; "" for none."""
        if self.stretch is None:
            return []
        here = self.stretch
        ways = [
            (say_as("page of a list", "First"), FIRST if here.has_before else None),
            (say_as("page of a list", "Previous"), here.before or None),
            (say_as("page of a list", "Next"), here.after or None),
            (say_as("page of a list", "Last"), LAST if here.has_after else None),
        ]
        return [
            (label, "" if way is None else self.get_query_string({WALK: way or None}))
            for label, way in ways
        ]

    @property
    def is_first_page(self) -> bool:
        if self.stretch is not None:
            return not self.stretch.has_before
        return self.page_num == 1

    @property
    def signing_requests(self) -> list[SigningRequest]:
        """Pending ones that the same rows and filters find; shown on the first page (CM-1)."""
        if not self.is_first_page or self.find_refused:
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
        if not self.is_first_page or self.find_refused:
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
