"""Delete Selected: what goes, what becomes of its traffic, the deletion (IP-4)."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from certificates.access import signed_in
from certificates.dialogs import key_of, show
from certificates.refusal import Refused
from certificates.sentence import say
from ipsec.admin.actions import LIST, named, say_no
from ipsec.admin.cells import traffic_text
from ipsec.models import Policy
from ipsec.operations import delete_policies

MOST_AT_ONCE = 1_000
SHOWN = 50


def policy_delete(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET names what goes and what becomes of the traffic; POST deletes the policies."""
    asked = request.POST if request.method == "POST" else request.GET
    keys = [key_of(text) or 0 for text in asked.get("policies", "").split(",")][:MOST_AT_ONCE]
    rows = list(Policy.objects.filter(pk__in=keys).in_list_order())
    if not rows:
        messages.info(request, say("These policies are gone already."))
        return redirect(LIST)
    if request.method == "POST":
        try:
            gone = delete_policies(rows, actor=signed_in(request))
        except Refused as refused:
            say_no(request, refused)
        else:
            messages.success(request, say("Deleted {policies}.", policies=named(gone)))
        return redirect(LIST)
    context: dict[str, Any] = {
        "rows": [(row, traffic_text(row.definition)) for row in rows[:SHOWN]],
        "count": len(rows),
        "hidden": max(0, len(rows) - SHOWN),
        "enabled": [row for row in rows if row.is_enabled][:SHOWN],
        "chosen": ",".join(str(row.pk) for row in rows),
        "opts": Policy._meta,
    }
    title = say("Delete IPSEC policies") if len(rows) > 1 else say("Delete an IPSEC policy")
    return show(request, site, "ipsec/policy_delete.html", title, **context)


def delete_selected(request: HttpRequest, chosen: QuerySet[Policy]) -> HttpResponseBase:
    """The list's action: goes to the page that says what it means."""
    keys = ",".join(str(pk) for pk in chosen.values_list("pk", flat=True)[:MOST_AT_ONCE])
    return redirect(f"{reverse('admin:ipsec_policy_delete')}?policies={keys}")
