"""The filters beside the IPSEC Policy List."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from certificates.admin.filters import ChoiceFilter, DropDownFilter
from certificates.sentence import say
from ipsec.find import LEGACY
from ipsec.policy.choices import Authentication, Protocol


class _EitherFilter(DropDownFilter):
    """Two answers, each with its query; another one in the address finds nothing."""

    answers: dict[str, tuple[str, Q]] = {}

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Any:
        return [(value, label) for value, (label, _query) in self.answers.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        found = self.answers.get(value)
        return queryset.filter(found[1]) if found else queryset.none()


class StateFilter(_EitherFilter):
    title, parameter_name = _("state"), "state"
    answers = {
        "enabled": (say("Enabled"), Q(is_enabled=True)),
        "disabled": (say("Disabled"), Q(is_enabled=False)),
        "trial": (say("On trial"), Q(trial_until__isnull=False)),
        "trouble": (say("Can't be loaded"), Q(is_enabled=True) & ~Q(trouble="")),
    }


class LegacyFilter(_EitherFilter):
    title, parameter_name = _("algorithms"), "legacy"
    answers = {"yes": (say("Legacy"), LEGACY), "no": (say("Of today"), ~LEGACY)}


class ProtocolFilter(ChoiceFilter):
    title, parameter_name, column = _("protocol"), "protocol", "protocol"
    choices_of_column = [(choice.value, choice.label) for choice in Protocol]


class AuthenticationFilter(ChoiceFilter):
    title, parameter_name, column = _("authentication"), "authentication", "authentication"
    choices_of_column = [(choice.value, choice.label) for choice in Authentication]
