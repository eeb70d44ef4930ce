"""A PKCS#12 of another system that lies on the server: its certificates only (BK-4)."""

from typing import Any

from django.contrib.admin.sites import AdminSite
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from bulk.admin.page import PAGE
from bulk.forms.file import FileForm
from bulk.models import ExchangeServer
from bulk.operations import look_at_file
from bulk.seen import Seen
from certificates.access import signed_in
from certificates.dialogs import show
from certificates.models import Purpose
from certificates.refusal import Refused
from certificates.sentence import say


@sensitive_post_parameters("passphrase")
def bulk_file(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET asks for trust store and pass phrase; POST reads the file and goes to its plan."""
    asked = request.POST if request.method == "POST" else request.GET
    seen = Seen.of_json(ExchangeServer.objects.current().seen)
    found = next((one for one in seen.others if one.name == asked.get("name")), None)
    if found is None:
        raise Http404
    form = FileForm(found.name, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            plan = look_at_file(
                found.name,
                purpose=Purpose(form.cleaned_data["purpose"]),
                passphrase=form.cleaned_data["passphrase"],
                actor=signed_in(request),
                now=timezone.now(),
            )
        except Refused as refused:
            form.refuse(refused)
        else:
            return redirect("admin:bulk_plan", plan.pk)
    context: dict[str, Any] = {"form": form, "file": found, "close": reverse(PAGE)}
    title = say("Read certificates of another system")
    return show(request, site, "bulk/file_dialog.html", title, **context)
