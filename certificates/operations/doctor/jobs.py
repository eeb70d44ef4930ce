"""No job waits for ever, and none runs without a worker."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from certificates.models import Heartbeat, Job, JobState
from certificates.operations.doctor.finding import Asked
from certificates.refusal import Finding

CURE = "Stop and start the product; then cancel the job, or wait until it is taken up again."


def job_problems(asked: Asked) -> Iterator[Finding]:
    """Running with a lease that ran out, queued too long, and a cluster that gives no sign."""
    rounds = timedelta(seconds=settings.CCXSEC_HEARTBEAT_LIMIT)  # upkeep takes it up by then
    gone = asked.now if asked.settled else asked.now - rounds
    lost = Q(leased_until=None) | Q(leased_until__lt=gone)
    for row in Job.objects.filter(lost, state=JobState.RUNNING).order_by("pk"):
        wrong = f"The job {row.pk} ({row}) is said to be running, and its worker is gone."
        yield Finding("job.abandoned", wrong, CURE)
    waiting = Job.objects.filter(state=JobState.QUEUED, created_at__lte=asked.overdue)
    for row in waiting.order_by("pk"):
        wrong = f"The job {row.pk} ({row}) has been waiting since {row.created_at:%Y-%m-%d %H:%M}."
        yield Finding("job.waiting", wrong, CURE)
    yield from _silent_worker(asked, rounds)


def _silent_worker(asked: Asked, limit: timedelta) -> Iterator[Finding]:
    """Only where there is something to do: a product that is stopped needs no worker."""
    open_jobs = Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING])
    beat = Heartbeat.objects.order_by("-seen_at").first()
    if beat and beat.seen_at < asked.now - 2 * limit and open_jobs.exists():
        wrong = f"No worker has given a sign of life since {beat.seen_at:%Y-%m-%d %H:%M} UTC."
        yield Finding("worker.silent", wrong, "Start the product, or look at its log.")
