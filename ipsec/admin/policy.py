"""The IPSEC Policy List, and the addresses of all screens of policies (IP-1, IP-4)."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from certificates.access import Permission, signed_in
from certificates.admin.find_list import OPERATOR_CHOICES, FindScreen
from certificates.cells import breaking
from certificates.dialogs import screen_url
from certificates.sentence import say
from certificates.tables import Table, columns
from ipsec.admin import actions, configuration, delete, exchange, live, page, upgrade
from ipsec.admin.cells import algorithms_cell, enabled_cell, leak_cell, state_cell, traffic_text
from ipsec.admin.changelist import FIELD_CHOICES, MOST_OTHERS, PolicyChangeList
from ipsec.admin.filters import AuthenticationFilter, LegacyFilter, ProtocolFilter, StateFilter
from ipsec.exchange.formats import Format
from ipsec.models import Policy

PAGE = 25
# The manual's fields; the pre-shared key is none of a policy's columns, and in no export.
DEFINITION = (
    "group",
    "name",
    "authentication",
    "peer_type",
    "certificate_name",
    "source_address",
    "source_port",
    "destination_address",
    "destination_port",
    "protocol",
    "mode",
    "remote_port",
    "ike_version",
    "encryption",
    "hash",
    "phase_one_life_time",
    "phase_one_dh",
    "esp",
    "phase_two_life_time",
    "phase_two_dh",
)
SEE, CHANGE = Permission.VIEW_POLICIES, Permission.CONFIGURE_POLICIES
OPERATE = Permission.OPERATE_POLICIES


@admin.register(Policy)
class PolicyAdmin(FindScreen):
    exported = Table(
        "policies",
        columns(
            "id",
            *DEFINITION,
            is_enabled="is_enabled",
            trial_until="trial_until",
            trouble="trouble",
            created_at="created_at",
            changed_at="changed_at",
            changed_by="changed_by",
        ),
    )
    change_list_template = "ipsec/policy_list.html"
    list_display = (
        "policy",
        "of_group",
        "from_host",
        "to_host",
        "traffic",
        "algorithms",
        "enabled",
        "state",
        "leak",
    )
    list_display_links = ("policy",)
    list_filter = (StateFilter, ProtocolFilter, AuthenticationFilter, LegacyFilter)
    list_per_page = PAGE
    list_max_show_all = PAGE
    ordering = ("group", "name")
    actions = ("delete_chosen", "enable", "disable", "connect", "disconnect", "rekey", "export")
    actions_selection_counter = True

    def action_checkbox(self, obj: Any) -> SafeString:
        """Ticked where the address asks for it: Select All, for who has no script."""
        label = {"class": "action-select", "aria-label": say("Select {obj}", obj=obj)}
        box = forms.CheckboxInput(label, lambda value: bool(obj.is_ticked))
        return box.render(ACTION_CHECKBOX_NAME, str(obj.pk))

    @admin.display(description=_("Policy Name"), ordering="name")
    def policy(self, row: Any) -> SafeString:
        return breaking(row.name)

    @admin.display(description=_("Group"), ordering="group")
    def of_group(self, row: Any) -> SafeString:
        return breaking(row.group)

    @admin.display(description=_("Source"), ordering="source_address")
    def from_host(self, row: Any) -> SafeString:
        return breaking(row.source_address)

    @admin.display(description=_("Destination"), ordering="destination_address")
    def to_host(self, row: Any) -> SafeString:
        return breaking(row.destination_address)

    @admin.display(description=_("Protocol, ports"), ordering="protocol")
    def traffic(self, row: Any) -> str:
        return traffic_text(row.definition)

    @admin.display(description=_("Algorithms"), ordering="encryption")
    def algorithms(self, row: Any) -> SafeString:
        return algorithms_cell(row.definition)

    @admin.display(description=_("Enabled"), ordering="is_enabled")
    def enabled(self, row: Any) -> SafeString:
        return enabled_cell(row)

    @admin.display(description=_("State"))
    def state(self, row: Any) -> SafeString:
        return state_cell(row, row.standing, row.heard_at)

    @admin.display(description=_("Packets"))
    def leak(self, row: Any) -> SafeString:
        return leak_cell(row, row.standing)

    @admin.action(description=_("Delete Selected"), permissions=["configure"])
    def delete_chosen(self, request: HttpRequest, chosen: QuerySet[Policy]) -> Any:
        return delete.delete_selected(request, chosen)

    @admin.action(description=_("Enable"), permissions=["configure"])
    def enable(self, request: HttpRequest, chosen: QuerySet[Policy]) -> None:
        actions.enable_selected(request, chosen, enabled=True)

    @admin.action(description=_("Disable"), permissions=["configure"])
    def disable(self, request: HttpRequest, chosen: QuerySet[Policy]) -> None:
        actions.enable_selected(request, chosen, enabled=False)

    @admin.action(description=_("Connect"), permissions=["operate"])
    def connect(self, request: HttpRequest, chosen: QuerySet[Policy]) -> None:
        actions.connect_selected(request, chosen)

    @admin.action(description=_("Disconnect"), permissions=["operate"])
    def disconnect(self, request: HttpRequest, chosen: QuerySet[Policy]) -> None:
        actions.disconnect_selected(request, chosen)

    @admin.action(description=_("Rekey"), permissions=["operate"])
    def rekey(self, request: HttpRequest, chosen: QuerySet[Policy]) -> None:
        actions.rekey_selected(request, chosen)

    @admin.action(description=_("Export for the peer"), permissions=["view"])
    def export(self, request: HttpRequest, chosen: QuerySet[Policy]) -> Any:
        return exchange.export_selected(request, chosen)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).may(SEE)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_configure_permission(self, request: HttpRequest) -> bool:
        return signed_in(request).may(CHANGE)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return signed_in(request).may(OPERATE)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return PolicyChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            "title": say("IPSEC Policy List"),
            "field_choices": FIELD_CHOICES,
            "operator_choices": OPERATOR_CHOICES,
            "thing_named": say("policy"),
            "things_named": say("policies"),
            "may_configure": self.has_configure_permission(request),
            "may_operate": self.has_operate_permission(request),
            "most_others": MOST_OTHERS,
            "formats": list(Format),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        listed: Callable[..., Any] = self.admin_site.admin_view(self.changelist_view)

        def own(
            route: str,
            view: Callable[..., HttpResponseBase],
            *methods: str,
            ask: Permission,
            proof: bool = False,
        ) -> URLPattern:
            name = f"ipsec_{getattr(view, '__name__', '')}"
            return screen_url(self, route, view, *methods, permission=ask, name=name, proof=proof)

        return [
            path("", listed, name="ipsec_policy_changelist"),
            *self.export_urls(),
            own("add/", configuration.policy_add, "GET", "POST", ask=CHANGE),
            own("delete/", delete.policy_delete, "GET", "POST", ask=CHANGE, proof=True),
            own("import/", exchange.policy_import, "GET", "POST", ask=CHANGE),
            own("state/", live.policy_states, "GET", ask=SEE),
            own("upgrade/", upgrade.policy_upgrade, "POST", ask=CHANGE),
            own("apply/", actions.policy_apply, "POST", ask=OPERATE),
            own("confirm/", actions.policy_confirm, "POST", ask=OPERATE),
            own("<int:pk>/", page.policy_page, "GET", ask=SEE),
            own("<int:pk>/change/", configuration.policy_change, "GET", "POST", ask=SEE),
            own("<int:pk>/state/", live.policy_state, "GET", ask=SEE),
            own("<int:pk>/switch/", actions.policy_switch, "POST", ask=CHANGE),
            own("<int:pk>/operate/", actions.policy_operate, "POST", ask=OPERATE),
            own("<int:pk>/export/", exchange.policy_export, "POST", ask=SEE),
            own("<int:pk>/compare/", exchange.policy_compare, "GET", "POST", ask=SEE),
        ]
