"""A run of the exchange whose worker is killed in the middle: run in a cluster's worker."""

import os
from datetime import timedelta

from django.db import connections
from django.utils import timezone

from certificates import jobs
from certificates.models import Job, JobState
from tests.lab.exchange import acts
from tests.lab.killing import COUNT_ONLY, Effects


def effects_of(job_id: int) -> int:
    """How often a run changes something outside of its process, from its begin to its end."""
    return _forked(job_id, COUNT_ONLY)


def killed_after(job_id: int, point: int) -> bool:
    """Whether a run was killed after that many effects; else it had ended before."""
    return _forked(job_id, point) < 0


def _forked(job_id: int, point: int) -> int:
    """The effects of a run in a child; negative: of the signal that killed it."""
    connections.close_all()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        effects = Effects(point)
        try:
            with effects:
                jobs.run(job_id)
            os.write(writing, str(effects.seen).encode())
        finally:
            os._exit(0)
    os.close(writing)
    signal = os.WTERMSIG(os.waitpid(child, 0)[1])
    with os.fdopen(reading) as told:
        return -signal if signal else int(told.read())


def take_up(job_id: int) -> acts.Ended:
    """Its lease is over: another worker takes it up, as upkeep sends it again; how it ended."""
    past = timezone.now() - timedelta(seconds=1)
    Job.objects.filter(pk=job_id, state=JobState.RUNNING).update(leased_until=past)
    jobs.take_up_lost(waiting=timedelta())
    acts.work_off(job_id)
    return acts.ended(job_id)
