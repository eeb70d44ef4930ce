"""Signing requests: Generate CSR, Download CSR, and the page of each (CM-16 to CM-18)."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from certificates.access import Permission, signed_in
from certificates.admin.download import attachment
from certificates.admin.event import ReadOnlyScreen
from certificates.cells import badge
from certificates.dialogs import filters_of, key_of, list_address, place_of, screen_url, show, tell
from certificates.forms.request import MULTI_SERVER, THIS_NODE, DownloadForm, RequestForm
from certificates.models import Certificate, Event, Purpose, RequestState, SigningRequest
from certificates.operations.request import (
    PENDING,
    cancel_request,
    note_download,
    pending_for,
    reopen_request,
    request_certificate,
)
from certificates.refusal import Refused
from certificates.sentence import say, together
from certificates.tables import Table, columns
from certificates.x509.csr import read_request

HISTORY = 30
# RFC 5967 has application/pkcs10 for DER; for PEM this is what CAs and browsers know.
MEDIA_TYPE = "application/x-pem-file"
_BADGES = {"pending": "soon", "consumed": "valid"}


@admin.register(SigningRequest)
class SigningRequestAdmin(ReadOnlyScreen):
    permission = Permission.VIEW
    exported = Table(
        "signing-requests",
        columns(
            "id",
            "purpose",
            "file_name",
            "state",
            "common_name",
            "subject",
            "subject_alternative_names",
            "key_label",
            "public_key_fingerprint",
            "made_by",
            "created_at",
            "downloaded_at",
            "closed_at",
            "closed_by",
            node="node__host_name",
        ),
    )
    list_display = ("file", "place", "names", "key", "status", "made")
    list_display_links = None
    list_filter = ("state", "purpose")
    list_select_related = ("node",)
    ordering = ("-pk",)

    @admin.display(description=_("File name"))
    def file(self, row: SigningRequest) -> SafeString:
        return format_html('<a href="{}">{}</a>', page_of(row), row.file_name)

    @admin.display(description=_("Node"))
    def place(self, row: SigningRequest) -> str:
        return str(row.node)

    @admin.display(description=_("Common name"))
    def names(self, row: SigningRequest) -> str:
        return row.common_name

    @admin.display(description=_("Key type"))
    def key(self, row: SigningRequest) -> str:
        return row.key_label

    @admin.display(description=_("State"))
    def status(self, row: SigningRequest) -> SafeString:
        return badge(row.get_state_display(), _BADGES.get(row.state, "plain"))

    @admin.display(description=_("Made"))
    def made(self, row: SigningRequest) -> str:
        return f"{timezone.localtime(row.created_at):%Y-%m-%d %H:%M}"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": say("Certificate Signing Requests")} | (extra_context or {})
        return super().changelist_view(request, context)

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            screen_url(
                self, "generate/", request_dialog, "GET", "POST", permission=Permission.GENERATE
            ),
            screen_url(
                self, "download/", request_download, "GET", "POST", permission=Permission.DOWNLOAD
            ),
            screen_url(self, "<int:pk>/", request_page, "GET", permission=Permission.VIEW),
            screen_url(
                self, "<int:pk>/cancel/", request_cancel, "POST", permission=Permission.GENERATE
            ),
            screen_url(
                self, "<int:pk>/reopen/", request_reopen, "POST", permission=Permission.GENERATE
            ),
        ]


def page_of(row: SigningRequest) -> str:
    """Address of a request's page."""
    return reverse("admin:certificates_request_page", args=[row.pk])


def request_dialog(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET shows Generate CSR for a node and purpose; POST makes the request."""
    node, purpose = place_of(request, Purpose.own(), has_form=True)
    asked = request.POST if request.method == "POST" else request.GET
    distribution = MULTI_SERVER if asked.get("distribution") == MULTI_SERVER else THIS_NODE
    form = RequestForm(node, purpose, distribution, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actor, now = signed_in(request), timezone.now()
            done = request_certificate(node, purpose, **form.arguments(), actor=actor, now=now)
        except Refused as refused:
            form.refuse(refused)
        else:
            text = say(
                "Made {file_name} with a new key, {key_label}.",
                file_name=done.request.file_name,
                key_label=done.request.key_label,
            )
            next_steps = say(
                "Download it, have a CA sign it, and upload the answer. Then make a backup."
            )
            messages.success(request, together(text, next_steps))
            return redirect(page_of(done.request))
    return show(
        request,
        site,
        "certificates/request_dialog.html",
        say("Generate Certificate Signing Request"),
        form=form,
        pending=form.pending,
        close=list_address(request),
        filters=filters_of(request),
        opts=Certificate._meta,
    )


def request_download(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET shows Download CSR; POST hands out the chosen request in PEM (CM-18, CM-24)."""
    rows = list(SigningRequest.objects.pending().select_related("node")[:200])
    if request.method == "POST":
        key = key_of(request.POST.get("request", ""))
        row = get_object_or_404(SigningRequest, pk=key or 0)
        note_download(row, actor=signed_in(request), now=timezone.now())
        return attachment(row.pem.encode(), row.file_name, MEDIA_TYPE)
    return show(
        request,
        site,
        "certificates/request_download.html",
        say("Download Certificate Signing Request"),
        form=DownloadForm(rows),
        rows=rows,
        close=list_address(request),
        opts=Certificate._meta,
    )


def request_page(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """State, key fingerprint, text and PEM of one request."""
    rows = SigningRequest.objects.select_related("node", "certificate")
    row = get_object_or_404(rows, pk=pk)
    actor = signed_in(request)
    events = Event.objects.filter(object_type=row._meta.label_lower, object_id=str(row.pk))
    context: dict[str, Any] = {
        "row": row,
        "facts": read_request(row.pem.encode()),
        "nodes": list(row.nodes.in_restart_order()),
        "history": events[:HISTORY],
        "pending": [] if row.is_pending else pending_for(list(row.nodes.all()), row.serves),
        "may_download": actor.may(Permission.DOWNLOAD),
        "may_upload": actor.may(Permission.UPLOAD) and row.is_pending,
        "may_cancel": actor.may(Permission.GENERATE) and row.is_pending,
        "may_reopen": actor.may(Permission.GENERATE)
        and row.state in (RequestState.SUPERSEDED, RequestState.CANCELLED),
        "opts": Certificate._meta,
    }
    title = say("{file_name} of {node}", file_name=row.file_name, node=row.node)
    return show(request, site, "certificates/request_page.html", title, **context)


def request_cancel(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST cancels a pending request."""
    row = get_object_or_404(SigningRequest.objects.select_related("node"), pk=pk)
    try:
        cancel_request(row, actor=signed_in(request), now=timezone.now())
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(
            request,
            say("Cancelled the {request}. Its key is kept: it can be taken up again.", request=row),
        )
    return redirect(page_of(row))


def request_reopen(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST waits again for the answer to a request."""
    row = get_object_or_404(SigningRequest.objects.select_related("node"), pk=pk)
    shown = [key_of(text) or 0 for text in request.POST.getlist("replacing")]
    actor, now = signed_in(request), timezone.now()
    try:
        reopen_request(row, replacing=shown, confirmed=[PENDING], actor=actor, now=now)
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(request, say("The {request} is pending again.", request=row))
    return redirect(page_of(row))
