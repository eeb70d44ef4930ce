"""Import: what it would change, then the import itself (BK-4)."""

from functools import reduce
from typing import Any

from django.contrib.admin.sites import AdminSite
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from bulk.admin.cells import counted, verdict_badge
from bulk.admin.page import PAGE
from bulk.models import Plan, Verdict
from bulk.operations import request_import, request_look
from certificates.access import Permission, signed_in
from certificates.cells import expiry
from certificates.dialogs import show, tell
from certificates.models import Node, Purpose
from certificates.refusal import Refused
from certificates.sentence import say

_PER_PAGE = 50
_ADDED = [verdict for verdict in Verdict if verdict.is_added]


def bulk_look(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST has the worker look what an import would change, and goes to its run."""
    try:
        job = request_look(actor=signed_in(request))
    except Refused as refused:
        tell(request, refused)
        return redirect(PAGE)
    return redirect("admin:bulk_job", job.pk)


def bulk_plan(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """GET: each certificate with what becomes of it, and why."""
    plan, actor = get_object_or_404(Plan, pk=pk), signed_in(request)
    counts = plan.counts()
    chosen = request.GET.get("verdict", "")
    rows = plan.items.defer("der")
    rows = rows.filter(verdict=chosen) if chosen in counts else rows
    pages = Paginator(rows, _PER_PAGE)
    page = pages.get_page(request.GET.get("p"))
    now, gone = timezone.now(), counts.get(Verdict.GONE, 0)
    may_import = actor.may(Permission.RUN_BULK) and actor.may(Permission.UPLOAD)
    context: dict[str, Any] = {
        "plan": plan,
        "counts": counted(counts, chosen),
        "total": sum(counts.values()),
        "added": sum(counts.get(verdict, 0) for verdict in _ADDED),
        "gone": gone,
        "chosen": chosen if chosen in counts else "",
        "page": page,
        "pages": pages.get_elided_page_range(page.number, on_each_side=2, on_ends=1),
        "rows": [(row, verdict_badge(row.verdict), expiry(row.not_after, now)) for row in page],
        "restarts": _restarts(plan),
        "is_news": plan.is_news(),
        "new_keys": plan.new_keys(),
        "may_import": may_import and plan.imported_at is None,
        "may_remove": gone and actor.may(Permission.DELETE),
    }
    return show(request, site, "bulk/plan.html", say("What an import would change"), **context)


def bulk_import(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST imports exactly what was shown."""
    plan = get_object_or_404(Plan, pk=pk)
    try:
        job = request_import(
            plan,
            shown=request.POST.get("shown", ""),
            remove="remove" in request.POST,
            actor=signed_in(request),
        )
    except Refused as refused:
        tell(request, refused)
        return redirect("admin:bulk_plan", pk)
    return redirect("admin:bulk_job", job.pk)


def _restarts(plan: Plan) -> list[str]:
    """Which services must be restarted after the import, and where."""
    changing = plan.items.filter(verdict__in=[*_ADDED, Verdict.GONE])
    purposes = changing.order_by("purpose").values_list("purpose", flat=True).distinct()
    services = list(dict.fromkeys(Purpose(purpose).service for purpose in purposes))
    if not services:
        return []
    names = Node.objects.in_restart_order().values_list("host_name", flat=True)
    nodes = reduce(lambda one, other: say("{one}, then {other}", one=one, other=other), names)
    return [say("{service} on {nodes}", service=service, nodes=nodes) for service in services]
