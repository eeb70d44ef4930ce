"""The delivery log: each message to each address, with the server's own answer."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from certificates.access import Permission
from certificates.admin.event import ReadOnlyScreen
from certificates.cells import badge
from certificates.dialogs import screen_url, show
from certificates.models import Delivery, Message
from certificates.sentence import say
from certificates.tables import Table, columns

BADGES = {
    "sent": "valid",
    "refused": "critical",
    "unknown": "soon",
    "handed": "soon",
    "not sent": "soon",
}
SHOWN = 200  # certificates on a message's page


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyScreen):
    change_list_template = "certificates/delivery_list.html"
    permission = Permission.VIEW
    exported = Table(
        "deliveries",
        columns(
            "id",
            "address",
            "state",
            "tries",
            "reply",
            "changed_at",
            channel="message__channel",
            message="message__identifier",
            subject="message__subject",
            composed_at="message__at",
            certificates="message__certificates",
        ),
    )
    list_display = ("sent_at", "channel", "address", "outcome", "reply", "about")
    list_display_links = None
    list_filter = ("state", "message__channel")
    list_select_related = ("message",)

    @admin.display(description=_("Time"))
    def sent_at(self, row: Delivery) -> str:
        return f"{timezone.localtime(row.changed_at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=_("Channel"))
    def channel(self, row: Delivery) -> str:
        return row.message.get_channel_display()

    @admin.display(description=_("State"))
    def outcome(self, row: Delivery) -> SafeString:
        return badge(row.get_state_display(), BADGES.get(row.state, "plain"))

    @admin.display(description=_("Message"))
    def about(self, row: Delivery) -> SafeString:
        address = reverse("admin:certificates_message_page", args=[row.message_id])
        return format_html('<a href="{}">{}</a>', address, str(row.message))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(
            request, {"title": say("Delivery log")} | (extra_context or {})
        )

    def get_urls(self) -> list[URLPattern]:
        page = screen_url(
            self, "message/<int:pk>/", message_page, "GET", permission=Permission.VIEW
        )
        return [*super().get_urls(), page]


def message_page(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """One message: what it was about, and what became of it."""
    row = get_object_or_404(Message, pk=pk)
    context: dict[str, Any] = {
        "row": row,
        "deliveries": [
            (one, BADGES.get(one.state, "plain")) for one in row.deliveries.order_by("pk")[:SHOWN]
        ],
        "notices": row.notifications.order_by("not_after", "pk")[:SHOWN],
        "shown": SHOWN,
        "opts": Delivery._meta,
    }
    return show(request, site, "certificates/message.html", str(row), **context)
