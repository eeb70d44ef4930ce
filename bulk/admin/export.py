"""The pop-up Bulk Certificate Export, and Consolidate (BK-2, BK-3)."""

from typing import Any

from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from bulk.admin.page import PAGE
from bulk.forms.export import ExportForm
from bulk.models import ExchangeServer
from bulk.operations import request_consolidate, request_export
from bulk.operations.content import planned_export
from certificates.access import signed_in
from certificates.dialogs import show, tell
from certificates.models import Service
from certificates.refusal import Refused
from certificates.sentence import say


def bulk_export(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET shows what would be exported; POST has the worker do it."""
    now = timezone.now()
    planned = {service: planned_export(service, now=now) for service in Service}
    counts = {service: len(one.items) for service, one in planned.items()}
    form = ExportForm(counts, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            request_export(form.cleaned_data["service"], actor=signed_in(request))
        except Refused as refused:
            form.refuse(refused)
        else:
            return redirect(PAGE)
    context: dict[str, Any] = {
        "form": form,
        "server": ExchangeServer.objects.current(),
        "remarks": [line for one in planned.values() for line in one.remarks],
        "close": reverse(PAGE),
    }
    return show(request, site, "bulk/export_dialog.html", say("Bulk Certificate Export"), **context)


def bulk_consolidate(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST has the worker put all exports into one file."""
    try:
        request_consolidate(actor=signed_in(request))
    except Refused as refused:
        tell(request, refused)
    return redirect(PAGE)
