"""The fresh state of what a page shows, for the script that refreshes it (IP-7)."""

from django.contrib.admin.sites import AdminSite
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render

from certificates.dialogs import key_of
from ipsec.admin.cells import enabled_cell, leak_cell, state_cell
from ipsec.admin.standing_page import EVENTS, context_of, context_of_history
from ipsec.models import Policy
from ipsec.operations import listen, standings

MOST_ROWS = 50


def policy_states(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """The cells of the rows that the address names, and the line about the daemon."""
    texts = request.GET.get("policies", "").split(",")[:MOST_ROWS]
    rows = list(Policy.objects.filter(pk__in=[key_of(text) or 0 for text in texts]))
    heard = listen()
    found = standings(rows, heard)
    cells = [
        cell
        for row in rows
        for cell in (
            enabled_cell(row),
            state_cell(row, found[row.pk], heard.at),
            leak_cell(row, found[row.pk]),
        )
    ]
    return render(request, "ipsec/_states.html", {"cells": cells, "heard": heard})


def policy_state(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """The live part of one policy's page; `?revision=` is that which the page was made of."""
    row = get_object_or_404(Policy, pk=pk)
    is_changed = request.GET.get("revision", str(row.revision)) != str(row.revision)
    history = Paginator(row.negotiations.all(), EVENTS).get_page(1)
    context = context_of(row) | context_of_history(history) | {"is_changed": is_changed}
    return render(request, "ipsec/_state.html", context)
