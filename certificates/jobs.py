"""The dispatcher of background work: a registry of our own functions, and nothing else runs.

The queue carries a job's number only. It delivers at least once, so a job is claimed by one
conditional UPDATE, and every function may be run twice.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.tasks import async_task

from certificates.models import Job, JobState
from certificates.models.job import MAXIMUM_ATTEMPTS
from certificates.refusal import Refused

logger = logging.getLogger(__name__)
Work = Callable[[Job], str]
_registry: dict[str, Work] = {}
MOST_AGAIN = 1_000  # lost jobs that are sent again at once, oldest first


def job(kind: str) -> Callable[[Work], Work]:
    """Register a function: it is given the job and returns the sentence that ends it."""

    def register(work: Work) -> Work:
        if kind in _registry:
            raise ValueError(f"two functions for jobs of the kind {kind}")
        _registry[kind] = work
        return work

    return register


def enqueue(
    kind: str, target: str, *, started_by: str, once: str = "", **arguments: int | str
) -> Job:
    """A job row in the caller's transaction; its number goes to the queue after the commit.

    Args:
        once: a job that is still queued with the same kind and key is returned instead.
    """
    if kind not in _registry:
        raise ValueError(f"no function is registered for jobs of the kind {kind}")
    values = {"target": target, "started_by": started_by, "arguments": arguments}
    if once:
        row, _ = Job.objects.get_or_create(
            kind=kind, idempotency_key=once, state=JobState.QUEUED, defaults=values
        )
    else:
        row = Job.objects.create(kind=kind, **values)
    transaction.on_commit(lambda: _send(row.pk))
    return row


def _redis_error() -> type[Exception]:
    from redis import RedisError  # noqa: PLC0415 - a tenth of a start, and few have a Redis

    return RedisError


def send(function: str, *arguments: int, name: str) -> bool:
    """Put a function of `queue_guard.ALLOWED` into the queue. False: Redis can't be reached.

    What that means is for nobody who has just clicked: the job's row is there, and is sent again.
    """
    try:
        async_task(function, *arguments, task_name=name, save=False)
    except _redis_error() as error:
        logger.warning("%s waits, as the queue in Redis can't be reached: %s", name, error)
        return False
    return True


def _send(job_id: int) -> bool:
    return send("certificates.tasks.run", job_id, name=f"job {job_id}")


def run(job_id: int) -> Job | None:
    """Do the work of a job, here and now. None: it has ended, or another worker has it."""
    claimed = Job.objects.claim(job_id, now=timezone.now())
    if claimed is None:
        logger.debug("job %d: it has ended, or another worker has it", job_id)
        return None
    if claimed.cancel_requested:
        claimed.end(JobState.CANCELLED, "Cancelled before it began.", now=timezone.now())
        return claimed
    try:
        sentence = _registry[claimed.kind](claimed)
    except Refused as refused:
        claimed.end(JobState.FAILED, str(refused), now=timezone.now())
    except Exception:
        line = "The job ended with an internal error; the log has its trace."
        claimed.end(JobState.FAILED, line, now=timezone.now())
        raise
    else:
        stopped = Job.objects.filter(pk=claimed.pk, cancel_requested=True, done__lt=claimed.total)
        state = JobState.CANCELLED if stopped.exists() else JobState.DONE
        claimed.end(state, sentence, now=timezone.now())
    return claimed


def take_up_lost(*, waiting: timedelta | None = None) -> int:
    """Send again what no worker has: lost messages, and jobs whose worker died.

    A process that dies takes the messages in its hands with it; the queue itself would deliver
    them again after its `retry` time only, and one in Redis never. A job that has killed its
    worker three times ends as failed instead. While the queue holds as many messages as there are
    jobs that wait, nothing is lost: a worker that is busy does not find them there ten times.

    Args:
        waiting: how long a queued job may wait; None: a third of the heartbeat's limit.
    """
    now, sent = timezone.now(), 0
    patience = timedelta(seconds=settings.CCXSEC_HEARTBEAT_LIMIT / 3)
    patience = patience if waiting is None else waiting
    for row in Job.objects.abandoned(now).filter(attempt__gte=MAXIMUM_ATTEMPTS):
        line = f"Its worker died {row.attempt} times. Look at the log, then start it again."
        row.end(JobState.FAILED, line, now=now)
    queued = Job.objects.filter(state=JobState.QUEUED, created_at__lte=now - patience)
    lost = (queued | Job.objects.abandoned(now)).order_by("pk").values_list("pk", flat=True)
    if not lost.exists() or _messages() >= lost.count():
        return 0
    for pk in lost[:MOST_AGAIN]:
        if not _send(pk):
            break
        sent += 1
    return sent


def queue_answers() -> bool:
    """Whether the queue can be reached; the one in the database always can, if that can."""
    try:
        return bool(get_broker().ping())
    except _redis_error():
        return False


def _messages() -> int:
    """How many wait in the queue; in Redis that can't be reached none does."""
    try:
        return int(get_broker().queue_size())
    except _redis_error():
        return 0


def wait(job_id: int, *, seconds: float = 120.0) -> Job:
    """The job once it has ended, or as it is after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        row = Job.objects.get(pk=job_id)
        if row.is_final or time.monotonic() > deadline:
            return row
        time.sleep(0.2)
