"""The other side of a policy: export for it, import from it, compare with it (IP-2)."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect

from certificates.access import signed_in
from certificates.admin.download import attachment
from certificates.dialogs import show
from certificates.refusal import Refused
from certificates.sentence import say
from ipsec.admin.actions import PAGE
from ipsec.admin.cells import traffic_text
from ipsec.admin.configuration import form_page
from ipsec.exchange.comparison import Difference, Effect
from ipsec.exchange.formats import Format
from ipsec.exchange.reading import Exported
from ipsec.forms.peer_file import PeerFileForm
from ipsec.forms.policy import PolicyForm
from ipsec.models import Policy
from ipsec.operations import compare_peer, export_peer, read_peer
from ipsec.policy.definition import FIELD_LABELS, Definition

_EFFECTS = {Effect.FAILS: "critical", Effect.NARROWER: "soon", Effect.DIFFERS: "plain"}


def policy_export(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST downloads what the peer must be set to; it is an event, so no GET."""
    row = get_object_or_404(Policy, pk=pk)
    return _exported(request, [row]) or redirect(PAGE, pk)


def export_selected(request: HttpRequest, chosen: QuerySet[Policy]) -> HttpResponseBase | None:
    """The list's action: one file for the one peer of several policies."""
    return _exported(request, list(chosen))


def _exported(request: HttpRequest, rows: Sequence[Policy]) -> HttpResponseBase | None:
    """The file; None where it was refused, which is told."""
    form = request.POST.get("format", Format.CCXSEC)
    try:
        made = export_peer(rows, form=form, actor=signed_in(request))
    except Refused as refused:
        messages.error(request, say("Not exported: {refused}", refused=refused))
        return None
    return attachment(made.content, made.name, made.content_type)


def policy_compare(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """GET asks for the other side's export, POST shows where the two disagree."""
    row = get_object_or_404(Policy, pk=pk)
    found: list[tuple[str, Difference]] | None = None
    form = PeerFileForm(request.POST, request.FILES) if request.method == "POST" else PeerFileForm()
    if form.is_bound and form.is_valid():
        try:
            told = compare_peer(row, form.content(), actor=signed_in(request))
        except Refused as refused:
            form.refuse(refused)
        else:
            found = [(_EFFECTS[one.effect], one) for one in told]
    context: dict[str, Any] = {
        "form": form,
        "row": row,
        "row_page": True,
        "differences": found,
        "opts": Policy._meta,
    }
    return show(request, site, "ipsec/policy_compare.html", say("Compare with peer"), **context)


def policy_import(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET asks for the other side's export; POST opens one of its policies in the form."""
    form = PeerFileForm(request.POST, request.FILES) if request.method == "POST" else PeerFileForm()
    context: dict[str, Any] = {"form": form, "opts": Policy._meta}
    if form.is_bound and form.is_valid():
        data = form.content()
        try:
            exported = read_peer(data, actor=signed_in(request))
        except Refused as refused:
            form.refuse(refused)
        else:
            chosen = _chosen(exported, request.POST.get("choose", ""))
            if chosen is not None:
                return _opened(request, site, chosen, exported)
            context |= {
                "found": [(one, traffic_text(one)) for one in exported.policies],
                "made_by": exported.made_by,
                "text": data.decode(),
            }
    return show(request, site, "ipsec/policy_import.html", say("Import from a peer"), **context)


def _chosen(exported: Exported, name: str) -> Definition | None:
    """The one of that name, or the only one there is."""
    if len(exported.policies) == 1:
        return exported.policies[0]
    return next((one for one in exported.policies if str(one) == name), None)


def _opened(
    request: HttpRequest, site: AdminSite, chosen: Definition, exported: Exported
) -> HttpResponseBase:
    start = {name: getattr(chosen, name) for name in FIELD_LABELS}
    who = exported.made_by or say("the other side")
    said = say(
        "Filled in from the export of {who}, {made_at} UTC.",
        who=who,
        made_at=f"{exported.made_at:%Y-%m-%d %H:%M}",
    )
    return form_page(request, site, PolicyForm(initial=start), came_from=said)
