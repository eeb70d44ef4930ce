"""Nodes: the servers of the cluster (CM-14)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from certificates.access import Permission, signed_in
from certificates.admin.event import ReadOnlyScreen
from certificates.models import Node
from certificates.operations import save_node
from certificates.operations.node import checked_address
from certificates.refusal import Refused
from certificates.x509.names import host_name


class NodeForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    """The checks of `save_node`, told at their fields."""

    addresses = forms.CharField(
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="IPv4 and IPv6 addresses, one a line.",
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
    form = NodeForm
    change_form_template = "certificates/node_form.html"
    list_display = ("host_name", "role", "all_addresses", "reach", "description")
    list_display_links = ("host_name",)

    @admin.display(description="Addresses")
    def all_addresses(self, row: Node) -> str:
        return ", ".join(row.addresses)

    @admin.display(description="Reached")
    def reach(self, row: Node) -> str:
        return "This server" if row.is_local else "Not yet: this version writes to its own server"

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

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            *super().get_urls(),
            path("add/", view(self.add_view), name="certificates_node_add"),
            path("<int:object_id>/change/", self._change(), name="certificates_node_change"),
        ]

    def _change(self) -> Any:
        def change(request: HttpRequest, object_id: int) -> HttpResponseBase:
            return self.change_view(request, str(object_id))

        return self.admin_site.admin_view(change)
