"""What lists with find rows have in common: the rows, the filters, and counts that are bounded."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from certificates.admin.export import Exported
from certificates.conditions import Condition, Operator, from_address, typed_rows
from certificates.dialogs import key_of
from certificates.refusal import Refused

FIND_PARAMETERS = ("field", "op", "value")
COUNTED = 10_000  # more rows than this are not counted: nobody pages through them
OPERATOR_CHOICES = [(operator.value, operator.label) for operator in Operator]


class BoundedPaginator(Paginator):  # type: ignore[type-arg] # not generic at run time
    """Counts up to `COUNTED` rows, whatever the size of the table."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[: COUNTED + 1].count()
        return len(rows)


class FindChangeList(ChangeList):
    """A list with find rows; `to_query` says which fields it has.

    `first_field` is what an empty find row begins with; `own_parameters` are of the list itself,
    and neither look-ups nor carried along.
    """

    first_field = ""
    own_parameters: Sequence[str] = ()
    is_uncounted = False  # counting would take long; there may be any number of rows

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.find_refused: Refused | None = None
        self.conditions = self._read_conditions(request)
        self.asked = list(request.GET.lists())
        self.request = request
        super().__init__(request, *args, **kwargs)

    def to_query(self, conditions: Sequence[Condition]) -> Any:
        """All conditions together. Raises `Refused` find.field, find.operator, find.value."""
        raise NotImplementedError

    def _read_conditions(self, request: HttpRequest) -> list[Condition]:
        try:
            conditions = from_address(request.GET)
            self.to_query(conditions)
        except Refused as refused:
            self.find_refused = refused
            return typed_rows(request.GET)
        return conditions

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        lookups = super().get_filters_params(params)
        kept = (*FIND_PARAMETERS, *self.own_parameters)
        return {key: value for key, value in lookups.items() if key not in kept}

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> Any:
        found = super().get_queryset(request, exclude_parameters)
        return found.none() if self.find_refused else found.filter(self.to_query(self.conditions))

    def get_ordering_field_columns(self) -> Any:
        # Django would derive arrows from the default order, which is none of the columns alone.
        return super().get_ordering_field_columns() if "o" in self.params else {}

    @property
    def find_rows(self) -> list[Condition]:
        """What the form shows: the rows in force, and an empty one."""
        return [*self.conditions, Condition(self.first_field, Operator.CONTAINS)]

    @property
    def other_parameters(self) -> list[tuple[str, str]]:
        """What the find form carries along: filters and order, not the page."""
        return [
            (key, value)
            for key, values in self.asked
            for value in values
            if key not in (*FIND_PARAMETERS, *self.own_parameters, "p", "e")
        ]

    @property
    def is_bounded(self) -> bool:
        """Whether there are more rows than are counted."""
        return self.result_count > COUNTED and not self.is_uncounted


class FindScreen(Exported, admin.ModelAdmin):  # type: ignore[type-arg] # not at run time
    """A list with find rows, whose rows come and go by screens of their own, which ask."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # The find rows and the filters are all that can be asked.
        return lookup in {getattr(kind, "parameter_name", "") for kind in self.list_filter}

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any) -> Any:
        """Only keys are looked up; a form that was made by hand gets the list again."""
        if not all(key_of(text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            return None
        return super().response_action(request, queryset, *args)
