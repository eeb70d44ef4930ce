"""The filters beside the Certificate List. Their parameters are the only look-ups it takes."""

from datetime import timedelta
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from certificates.conditions import NOTHING
from certificates.models import Node, Purpose
from certificates.models.certificate import CLASSIFIED, KEY_TYPES
from certificates.sentence import say


class DropDownFilter(SimpleListFilter):
    template = "certificates/_filter.html"

    def condition(self) -> Q:
        """What the choice asks of a row; everything without one."""
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(self.condition())


class ChoiceFilter(DropDownFilter):
    """One column that must equal the choice; an unknown choice finds nothing."""

    column = ""
    choices_of_column: list[tuple[str, str]] = []

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Any:
        return self.choices_of_column

    def condition(self) -> Q:
        value = self.value()
        if not value:
            return Q()
        known = {str(choice) for choice, _ in self.lookup_choices}
        return Q(**{self.column: value}) if value in known else NOTHING


class PurposeFilter(ChoiceFilter):
    title, parameter_name, column = say("certificate"), "purpose", "purpose"
    choices_of_column = list(Purpose.choices)


class TypeFilter(ChoiceFilter):
    title, parameter_name, column = say("type"), "type", "type"
    choices_of_column = [*CLASSIFIED, ("csr", say("CSR only"))]


class KeyTypeFilter(ChoiceFilter):
    title, parameter_name, column = say("key type"), "key", "key_type"
    choices_of_column = KEY_TYPES


class NodeFilter(ChoiceFilter):
    title, parameter_name, column = say("node"), "node", "node_id"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Any:
        nodes = Node.objects.values_list("pk", "host_name")[:100]
        return [(str(pk), name) for pk, name in nodes]


class ExpiryFilter(DropDownFilter):
    title, parameter_name = say("expiration"), "expiry"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Any:
        return [
            ("expired", say("Expired")),
            ("7", say("Within 7 days")),
            ("30", say("Within 30 days")),
            ("90", say("Within 90 days")),
            ("later", say("After 90 days")),
        ]

    def condition(self) -> Q:
        now, value = timezone.now(), self.value()
        if not value:
            return Q()
        if value == "expired":
            return Q(not_after__lt=now)
        if value == "later":
            return Q(not_after__gte=now + timedelta(days=90))
        if value in ("7", "30", "90"):
            return Q(not_after__gte=now, not_after__lt=now + timedelta(days=int(value)))
        return NOTHING
