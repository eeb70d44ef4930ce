"""Roll back: the former certificate, its checks, and the button."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from certificates.access import signed_in
from certificates.dialogs import filters_of, list_address, place_of, show, tell, with_filters
from certificates.models import Certificate, Purpose
from certificates.operations.examination import WARNINGS
from certificates.operations.roll_back import examine_roll_back, roll_back
from certificates.refusal import Refused
from certificates.sentence import say, together


def roll_back_dialog(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET shows what would come back, and its checks; POST brings it back."""
    node, purpose = place_of(request, Purpose.own())
    asked = request.POST if request.method == "POST" else request.GET
    to, refused = asked.get("to", ""), None
    if request.method == "POST":
        try:
            done = roll_back(
                node,
                purpose,
                to=to,
                shown=request.POST.get("shown", ""),
                confirmed=[WARNINGS] if request.POST.get("confirm") else [],
                actor=signed_in(request),
                now=timezone.now(),
            )
        except Refused as problem:
            refused = problem
        else:
            messages.success(request, _told(done.certificate))
            details = reverse("admin:certificates_certificate_change", args=[done.certificate.pk])
            return redirect(with_filters(request, details))
    try:
        found = examine_roll_back(node, purpose, to=to, now=timezone.now())
    except Refused as nothing:
        tell(request, nothing)
        return redirect(list_address(request))
    context: dict[str, Any] = {
        "found": found,
        "to": to,
        "refused": refused,
        "close": list_address(request),
        "filters": filters_of(request),
        "opts": Certificate._meta,
    }
    title = say("Roll back {purpose} of {node}", purpose=purpose, node=node)
    response = show(request, site, "certificates/roll_back.html", title, **context)
    response.status_code = 422 if refused else 200
    return response


def _told(former: Certificate) -> str:
    done = say(
        "Rolled back: the former {purpose} certificate of {node} is in force again, valid "
        "until {day}.",
        purpose=former.purpose,
        node=former.node,
        day=f"{former.not_after:%Y-%m-%d}",
    )
    restart = say(
        "Restart {service} on every node of the cluster, then make a backup.",
        service=former.serves.service,
    )
    return together(done, restart)
