"""Nodes: the servers of the cluster (CM-14)."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from certificates.access import Permission, signed_in
from certificates.admin import node_page
from certificates.admin.event import ReadOnlyScreen
from certificates.cells import badge, breaking
from certificates.dialogs import screen_url
from certificates.models import Deployment, Node
from certificates.operations import save_node
from certificates.operations.node import checked_address
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.tables import Table, columns
from certificates.x509.names import host_name


def _stands(place: Deployment) -> dict[str, object]:
    """A store in the export of its node."""
    return {
        "intended": place.generation,
        "in_force": place.in_force,
        "differs": place.differs,
        "trouble": place.trouble,
    }


class NodeForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    """The checks of `save_node`, told at their fields."""

    addresses = forms.CharField(
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=say("IPv4 and IPv6 addresses, one a line."),
    )

    class Meta:
        model = Node
        fields = ["host_name", "addresses", "role", "description"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["addresses"] = "\n".join(self.instance.addresses)

    def clean_host_name(self) -> str:
        try:
            return host_name(self.cleaned_data["host_name"])
        except Refused as refused:
            raise ValidationError(str(refused)) from refused

    def clean_addresses(self) -> list[str]:
        lines = self.cleaned_data["addresses"].replace(",", "\n").splitlines()
        try:
            return [checked_address(line) for line in lines if line.strip()]
        except Refused as refused:
            raise ValidationError(str(refused)) from refused


@admin.register(Node)
class NodeAdmin(ReadOnlyScreen):
    permission = Permission.VIEW_NODES
    exported = Table(
        "nodes",
        columns(
            "id",
            "host_name",
            "addresses",
            "role",
            "is_local",
            "reach",
            "description",
            ssh_address=lambda row: row.ssh_address if row.ssh_user else "",
            ssh_port=lambda row: row.ssh_port if row.ssh_user else None,
            ssh_user="ssh_user",
            host_key_alarm="host_key_alarm",
            stores=lambda row: {place.service: _stands(place) for place in row.deployments.all()},
        ),
    )
    form = NodeForm
    change_form_template = "certificates/node_form.html"
    list_display = ("server", "role", "all_addresses", "way", "stores", "description")
    list_display_links = None
    list_per_page = 25

    @admin.display(description=_("Host name"))
    def server(self, row: Node) -> SafeString:
        address = reverse("admin:certificates_node_page", args=[row.pk])
        return format_html('<a href="{}">{}</a>', address, breaking(row.host_name))

    @admin.display(description=_("Addresses"))
    def all_addresses(self, row: Node) -> str:
        return ", ".join(row.addresses)

    @admin.display(description=_("Reached"))
    def way(self, row: Node) -> SafeString | str:
        return way_to(row)

    @admin.display(description=_("Stores"))
    def stores(self, row: Node) -> SafeString:
        places = row.deployments.all()
        return format_html_join("", "{}", ((store_badge(place),) for place in places))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("deployments__node")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return signed_in(request).may(Permission.CONFIGURE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).may(Permission.CONFIGURE)

    def save_model(self, request: HttpRequest, obj: Node, form: Any, change: bool) -> None:
        data = form.cleaned_data
        save_node(
            obj,
            host_name=data["host_name"],
            addresses=data["addresses"],
            role=data["role"],
            description=data["description"],
            actor=signed_in(request),
        )

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The operation has written its event."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The operation has written its event."""

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {"title": say("Nodes")} | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        def own(
            route: str,
            view: Callable[..., Any],
            *methods: str,
            ask: Permission,
            proof: bool = False,
        ) -> URLPattern:
            route = f"<int:pk>/{route}"
            return screen_url(self, route, view, *methods, permission=ask, proof=proof)

        configure, put = Permission.CONFIGURE, Permission.DEPLOY
        view = self.admin_site.admin_view
        return [
            *super().get_urls(),
            path("add/", view(self.add_view), name="certificates_node_add"),
            path("<int:object_id>/change/", self._change(), name="certificates_node_change"),
            own("", node_page.node_page, "GET", ask=self.permission),
            # They say where private keys are sent, and which command is run.
            own("reach/", node_page.node_reach, "GET", "POST", ask=configure, proof=True),
            own("service/", node_page.node_service, "GET", "POST", ask=configure, proof=True),
            own("host-key/", node_page.node_host_key, "GET", "POST", ask=configure),
            own("host-key/pin/", node_page.node_pin, "POST", ask=configure, proof=True),
            own("host-key/keep/", node_page.node_keep, "POST", ask=configure),
            own("deploy/", node_page.node_deploy, "POST", ask=put),
            own("check/", node_page.node_check, "POST", ask=put),
        ]

    def _change(self) -> Any:
        def change(request: HttpRequest, object_id: int) -> HttpResponseBase:
            return self.change_view(request, str(object_id))

        return self.admin_site.admin_view(change)


def way_to(node: Node) -> SafeString | str:
    """How a node is reached, in a few words."""
    if node.is_local:
        return say("This server")
    if not node.is_reached:
        return badge(say("By hand"), "plain")
    if node.host_key_alarm:
        return badge(say("Host key changed"), "critical")
    if not node.host_key:
        return badge(say("Host key to be compared"), "soon")
    return say(
        "SSH, {user}@{host}:{port}",
        user=node.ssh_user,
        host=node.ssh_address,
        port=node.ssh_port,
    )


def store_badge(place: Deployment) -> SafeString | str:
    """One store in a word: in force, out of date, changed by hand, not reached."""
    if not place.node.is_reached:
        return ""
    if place.differs:
        return badge(say("{service}: changed by hand", service=place.service), "critical")
    if place.trouble:
        return badge(say("{service}: failed", service=place.service), "critical")
    if not place.is_in_force:
        return badge(say("{service}: out of date", service=place.service), "soon")
    return badge(say("{service}: in force", service=place.service), "valid")
