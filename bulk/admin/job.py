"""The runs of the exchange: one that is under way, and those that have ended (BK-5)."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from bulk.models import Plan
from certificates.access import Permission, signed_in
from certificates.dialogs import show, tell
from certificates.models import Job
from certificates.operations import cancel_job
from certificates.refusal import Refused
from certificates.sentence import say

NAMES = {
    "bulk-survey": say("A look at the server"),
    "bulk-export": say("Export"),
    "bulk-consolidate": say("Consolidate"),
    "bulk-look": say("A look at what an import would change"),
    "bulk-import": say("Import"),
}
LOOK = "bulk-look"
_BADGES = {"done": "valid", "failed": "critical", "cancelled": "soon"}
_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class ShownJob:
    """A run as the pages show it; `kind` is the CSS class of its state."""

    row: Job
    name: str
    kind: str

    @property
    def last_message(self) -> str:
        return str(self.row.messages[-1]) if self.row.messages else ""


def shown(job: Job) -> ShownJob:
    """A run, with its name in the manual's words."""
    return ShownJob(job, NAMES[job.kind], _BADGES.get(job.state, "plain"))


def newest_jobs(most: int) -> list[Job]:
    """The newest runs of the exchange."""
    return list(Job.objects.filter(kind__in=NAMES).order_by("-created_at", "-pk")[:most])


def bulk_job(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """GET: one run, fresh each second until it has ended; a look leads on to its plan."""
    job = get_object_or_404(Job, kind__in=NAMES, pk=pk)
    context: dict[str, Any] = {
        "job": shown(job),
        "plan": Plan.objects.of_job(job) if job.kind == LOOK else None,
        "may_run": signed_in(request).may(Permission.RUN_BULK),
    }
    return show(request, site, "bulk/job.html", NAMES[job.kind], **context)


def bulk_job_cancel(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST asks a run to stop."""
    job = get_object_or_404(Job, kind__in=NAMES, pk=pk)
    try:
        cancel_job(
            job, permission=Permission.RUN_BULK, actor=signed_in(request), now=timezone.now()
        )
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(request, say("{run} is being cancelled.", run=NAMES[job.kind]))
    return redirect("admin:bulk_job", pk)


def bulk_jobs(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET: every run that is kept."""
    rows = Job.objects.filter(kind__in=NAMES).order_by("-created_at", "-pk")
    page = Paginator(rows, _PER_PAGE).get_page(request.GET.get("p"))
    context = {"page": page, "jobs": [shown(job) for job in page]}
    return show(request, site, "bulk/jobs.html", say("Runs of the exchange"), **context)
