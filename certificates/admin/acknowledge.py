"""Acknowledge the expiry of a certificate, from its details page."""

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from certificates.access import signed_in
from certificates.dialogs import tell
from certificates.forms.monitor import AcknowledgeForm
from certificates.models import Certificate
from certificates.operations import acknowledge_expiry, withdraw
from certificates.refusal import Refused
from certificates.sentence import say


def expiry_acknowledge(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST: no notice about it until a date."""
    row = get_object_or_404(Certificate.objects.select_related("node"), pk=pk)
    form = AcknowledgeForm(request.POST)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            acknowledge_expiry(
                row,
                until=form.end(),
                reason=reason,
                actor=signed_in(request),
                now=timezone.now(),
            )
        except Refused as refused:
            tell(request, refused)
        else:
            messages.success(
                request,
                say(
                    "No notice about it until {until}.",
                    until=form.cleaned_data["until"],
                ),
            )
    for name, errors in form.errors.items():
        messages.error(
            request,
            say(
                "{label}: {wrong} Nothing was changed.",
                label=form.fields[name].label,
                wrong=errors[0],
            ),
        )
    return redirect("admin:certificates_certificate_change", pk)


def expiry_withdraw(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST: notices about it come again."""
    row = get_object_or_404(Certificate.objects.select_related("node"), pk=pk)
    try:
        withdraw(row, actor=signed_in(request), now=timezone.now())
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(request, say("Notices about it come again."))
    return redirect("admin:certificates_certificate_change", pk)
