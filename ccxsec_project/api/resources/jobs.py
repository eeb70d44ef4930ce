"""Jobs: work in the background, and what it said."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema

from bulk.models import Plan
from ccxsec_project.api.authentication import actor_of
from ccxsec_project.api.fields import Cursor, KeyInPath, Limit, moment
from ccxsec_project.api.paging import page_by
from certificates.access import Permission
from certificates.models import Job, JobState
from certificates.operations import cancel_job

router = Router(tags=["Jobs"])
_OF_THE_EXCHANGE = "bulk-"


class JobOut(Schema):
    """Work in the background. It is over when `ended_at` is there."""

    id: int
    kind: str
    target: str
    state: JobState
    done: int
    total: int
    messages: list[str]
    started_by: str
    created_at: str
    ended_at: str | None
    plan: int | None = None


class JobPage(Schema):
    items: list[JobOut]
    next: str | None


def told(row: Job, *, plan: int | None = None) -> dict[str, object]:
    """A job as the API shows it. `plan`: what a look at an import has made."""
    return {
        "id": row.pk,
        "kind": row.kind,
        "target": row.target,
        "state": row.state,
        "done": row.done,
        "total": row.total,
        "messages": [str(line) for line in row.messages],
        "started_by": row.started_by,
        "created_at": moment(row.created_at),
        "ended_at": moment(row.ended_at),
        "plan": plan,
    }


@router.get("", response=JobPage, summary="List jobs, the newest first")
def list_jobs(
    request: HttpRequest,
    *,
    state: JobState | None = None,
    limit: Limit = 50,
    after: Cursor = "",
) -> dict[str, object]:
    """Needs the scope `certificates.view_job`."""
    actor_of(request).require(Permission.VIEW_JOBS)
    rows = Job.objects.all()
    if state:
        rows = rows.filter(state=state)
    return page_by(rows, "-pk", told, limit=limit, after=after)


@router.get("/{int:job}", response=JobOut, summary="Show a job")
def show_job(request: HttpRequest, job: KeyInPath) -> dict[str, object]:
    """Needs the scope `certificates.view_job`."""
    actor_of(request).require(Permission.VIEW_JOBS)
    row = get_object_or_404(Job, pk=job)
    plan = Plan.objects.of_job(row)
    return told(row, plan=plan.pk if plan else None)


@router.post("/{int:job}/cancel", response=JobOut, summary="Cancel a job")
def cancel(request: HttpRequest, job: KeyInPath) -> dict[str, object]:
    """Queued it ends at once, running at its next step; a second time it is refused with 409.

    Needs the scope `certificates.configure_product`; for a run of the exchange `bulk.run_exchange`.
    """
    row = get_object_or_404(Job, pk=job)
    is_exchange = row.kind.startswith(_OF_THE_EXCHANGE)
    needed = Permission.RUN_BULK if is_exchange else Permission.CONFIGURE
    cancel_job(row, permission=needed, actor=actor_of(request), now=timezone.now())
    row.refresh_from_db()
    return told(row)
