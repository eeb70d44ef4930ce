"""What the worker cluster calls: our own functions, with a job's number or nothing as argument.

`queue_guard` lists them: nothing else is queued, scheduled or run.
"""

import logging
import os
from datetime import datetime, timedelta

from django.utils import timezone
from django_q.models import Task

from certificates import jobs
from certificates.access import Actor
from certificates.models import Event, Heartbeat, Job, JobState
from certificates.operations.backup import begin_due_backup
from certificates.operations.deploy_rounds import (
    deploy_what_is_out_of_date,
    sweep_other_servers,
)
from certificates.operations.discover import discover_what_is_due
from certificates.operations.monitoring.run import run_monitor
from certificates.operations.monitoring.schedule import keep_schedules
from certificates.operations.restart import observe_restarts

logger = logging.getLogger(__name__)
WORKER = "worker"  # the heartbeat of whichever cluster
CLUSTER = "CCXSEC_CLUSTER"  # in its environment: the name of one cluster, given by its supervisor
CLUSTER_KEPT = timedelta(days=1)  # the heartbeat of a cluster that is no more
ROUND_KEPT = timedelta(days=1)  # a look that found nothing to complain of
KEPT = timedelta(days=7)  # the queue's own record of a task; ours are the jobs


def run(job_id: int) -> None:
    """Do one job."""
    jobs.run(job_id)


def sign_of_life() -> None:
    """Nothing but that: several clusters share one queue, and each is asked until it has told."""
    _beat(timezone.now())


def own_cluster() -> str:
    """The name of the heartbeat of the cluster that this process belongs to."""
    return f"{WORKER} {os.environ.get(CLUSTER, '')}".strip()


def _beat(now: datetime) -> None:
    Heartbeat.objects.beat(*{WORKER, own_cluster()}, now=now)


def upkeep() -> None:
    """Each minute: a sign of life, then everything that is due; one that fails stops no other."""
    now = timezone.now()
    _beat(now)
    failed: list[Exception] = []
    for step in (_audit, _jobs, _stores, _restarts, _backups, _discovery, _schedules, _remains):
        try:
            step(now)
        except Exception as error:
            logger.exception("upkeep: %s", step.__name__.lstrip("_"))
            failed.append(error)
    if failed:
        raise failed[0]


def _audit(_: datetime) -> None:
    # Who was killed between the commit of a change and the anchor has left it behind.
    Event.objects.anchor_newest()


def _jobs(_: datetime) -> None:
    jobs.take_up_lost()


def _stores(now: datetime) -> None:
    for sentence in deploy_what_is_out_of_date(actor=Actor("upkeep"), now=now):
        logger.info("%s", sentence)
    sweep_other_servers(now=now)


def _restarts(now: datetime) -> None:
    observe_restarts(now=now)


def _backups(now: datetime) -> None:
    begin_due_backup(now=now)


def _discovery(now: datetime) -> None:
    discover_what_is_due(now=now)


def _schedules(now: datetime) -> None:
    keep_schedules(now=now)


def _remains(now: datetime) -> None:
    Job.objects.filter(kind="sweep", state=JobState.DONE, ended_at__lt=now - ROUND_KEPT).delete()
    Task.objects.filter(stopped__lt=now - KEPT).delete()
    gone = Heartbeat.objects.filter(name__startswith=f"{WORKER} ", seen_at__lt=now - CLUSTER_KEPT)
    gone.delete()


def monitor() -> None:
    """Each minute, by the worker's schedule: what expires is told (MO-2)."""
    run_monitor(now=timezone.now())


def refused() -> None:
    """In the place of what is none of ours."""
    logger.error("a task or schedule that is none of ours was taken out and not run")
