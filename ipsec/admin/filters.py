"""The filters beside the IPSEC Policy List."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from certificates.admin.filters import ChoiceFilter, DropDownFilter
from ipsec.find import LEGACY
from ipsec.policy.choices import Authentication, Protocol


class _EitherFilter(DropDownFilter):
    """Two answers, each with its query; another one in the address finds nothing."""

    answers: dict[str, tuple[str, Q]] = {}

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Any:
        return [(value, label) for value, (label, _) in self.answers.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        found = self.answers.get(value)
        return queryset.filter(found[1]) if found else queryset.none()


class StateFilter(_EitherFilter):
    title, parameter_name = "state", "state"
    answers = {
        "enabled": ("Enabled", Q(is_enabled=True)),
        "disabled": ("Disabled", Q(is_enabled=False)),
        "trial": ("On trial", Q(trial_until__isnull=False)),
        "trouble": ("Can't be loaded", Q(is_enabled=True) & ~Q(trouble="")),
    }


class LegacyFilter(_EitherFilter):
    title, parameter_name = "algorithms", "legacy"
    answers = {"yes": ("Legacy", LEGACY), "no": ("Of today", ~LEGACY)}


class ProtocolFilter(ChoiceFilter):
    title, parameter_name, column = "protocol", "protocol", "protocol"
    choices_of_column = [(choice.value, choice.label) for choice in Protocol]


class AuthenticationFilter(ChoiceFilter):
    title, parameter_name, column = "authentication", "authentication", "authentication"
    choices_of_column = [(choice.value, choice.label) for choice in Authentication]
