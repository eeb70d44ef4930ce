"""The page of one policy: how it stands, and what can be done about it (IP-7)."""

from typing import Any

from django.contrib.admin.sites import AdminSite
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404

from certificates.access import Permission, signed_in
from certificates.dialogs import key_of, show
from certificates.models import Job
from certificates.sentence import say
from ipsec.admin.cells import phase_one, phase_two, traffic_text
from ipsec.admin.standing_page import EVENTS, context_of, context_of_history
from ipsec.exchange.formats import Format
from ipsec.models import Policy
from ipsec.operations.negotiate import CONNECT, DIAGNOSE

TRIAL = 10  # minutes that a trial has unless others are written
JOBS = {CONNECT: say("Connect"), DIAGNOSE: say("Diagnose")}


def policy_page(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """GET: state, associations, history; with ?job= also what a job of it came to."""
    row, actor = get_object_or_404(Policy, pk=pk), signed_in(request)
    history = Paginator(row.negotiations.all(), EVENTS).get_page(request.GET.get("p"))
    definition = row.definition
    context: dict[str, Any] = {
        **context_of(row),
        **context_of_history(history),
        "revision": f"?revision={row.revision}",
        "job": _job(request, row),
        "phase_one": phase_one(definition),
        "phase_two": phase_two(definition),
        "traffic": traffic_text(definition),
        "formats": list(Format),
        "trial_minutes": TRIAL,
        "may_configure": actor.may(Permission.CONFIGURE_POLICIES),
        "may_operate": actor.may(Permission.OPERATE_POLICIES),
        "opts": Policy._meta,
    }
    return show(request, site, "ipsec/policy_page.html", str(row), **context)


def _job(request: HttpRequest, row: Policy) -> dict[str, Any] | None:
    """A job of this policy, with its explanation and the log lines that prove it."""
    if "job" not in request.GET:
        return None
    found = Job.objects.filter(kind__in=JOBS, pk=key_of(request.GET["job"]) or 0).first()
    if found is None or found.arguments.get("policy") != row.pk:
        raise Http404
    log = [line.removeprefix("log: ") for line in found.messages if line.startswith("log: ")]
    # A diagnosis that has ended is no good news by itself.
    done = "plain" if found.kind == DIAGNOSE else "valid"
    badges = {"done": done, "failed": "critical"}
    return {
        "name": JOBS[found.kind],
        "row": found,
        "told": [line for line in found.messages if not line.startswith("log: ")],
        "log": log,
        "badge": badges.get(found.state, "plain"),
    }
