"""Delete trust certificates: what depends on each, the caution, the deletion (CM-5, CM-6)."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from certificates.access import signed_in
from certificates.dialogs import filters_of, key_of, list_address, show, tell
from certificates.models import Certificate
from certificates.operations.delete import MOST_AT_ONCE, Deleted, delete_trusted, impact_of
from certificates.refusal import Refused
from certificates.sentence import listed, say, together

NAMED = 5  # certificates in a message


def delete_dialog(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET names what depends on the chosen certificates; POST deletes them."""
    asked = request.POST if request.method == "POST" else request.GET
    texts = asked.get("certificates", "").split(",")
    chosen = [key_of(text) or 0 for text in texts]
    refused = None
    if request.method == "POST":
        try:
            shown, actor = request.POST.get("shown", ""), signed_in(request)
            done = delete_trusted(chosen, shown=shown, actor=actor, now=timezone.now())
        except Refused as problem:
            refused = problem
        else:
            _tell(request, done)
            return redirect(list_address(request))
    try:
        impact = impact_of(chosen, now=timezone.now())
    except Refused as problem:
        if problem.code == "certificate.unknown":
            return render(request, "refused.html", {"refused": problem}, status=404)
        tell(request, problem)
        return redirect(list_address(request))
    context: dict[str, Any] = {
        "impact": impact,
        "chosen": ",".join(map(str, chosen)),
        "refused": refused,
        "close": list_address(request),
        "filters": filters_of(request),
        "opts": Certificate._meta,
    }
    title = (
        say("Delete trust certificates") if len(chosen) > 1 else say("Delete a trust certificate")
    )
    response = show(request, site, "certificates/delete_dialog.html", title, **context)
    response.status_code = 422 if refused else 200
    return response


def delete_selected(request: HttpRequest, chosen: QuerySet[Certificate]) -> HttpResponseBase | None:
    """The list's action: goes to the page that names what depends on them."""
    keys = list(chosen.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
    if len(keys) > MOST_AT_ONCE:
        wrong = say(
            "Select up to {most} certificates. Nothing was changed.",
            most=MOST_AT_ONCE,
        )
        messages.error(request, wrong)
        return None
    address = reverse("admin:certificates_delete_dialog")
    return redirect(f"{address}?certificates={','.join(map(str, keys))}")


def _tell(request: HttpRequest, done: Deleted) -> None:
    impact = done.impact
    many = len(impact.certificates)
    names = ", ".join(row.file_name for row in impact.certificates[:NAMED]) + (
        " …" if many > NAMED else ""
    )
    removed = [
        say(
            "The {request} of {made} was removed; generate a new CSR, or take it up again.",
            request=row,
            made=f"{timezone.localtime(row.created_at):%Y-%m-%d %H:%M}",
        )
        for row in impact.requests
    ]
    services = listed(impact.services, say(" and "))
    restart = say(
        "Restart {service} on every node of the cluster, then make a backup.", service=services
    )
    messages.success(request, together(say("Deleted {names}.", names=names), *removed, restart))
