"""What the worker cluster calls: two functions, with a job's number or nothing as argument."""

import logging

from django.utils import timezone

from certificates import jobs
from certificates.access import Actor
from certificates.models import Heartbeat
from certificates.operations.deploy import deploy_what_is_out_of_date
from certificates.operations.restart import observe_restarts
from certificates.refusal import Refused

logger = logging.getLogger(__name__)
WORKER = "worker"


def run(job_id: int) -> None:
    """Do one job."""
    jobs.run(job_id)


def upkeep() -> None:
    """Each minute: a sign of life, lost jobs, stores out of date, restarts that were seen."""
    now = timezone.now()
    Heartbeat.objects.update_or_create(name=WORKER, defaults={"seen_at": now})
    jobs.take_up_lost()
    observe_restarts(now=now)
    try:
        for sentence in deploy_what_is_out_of_date(actor=Actor("upkeep"), now=now):
            logger.info("%s", sentence)
    except Refused as refused:
        logger.warning("%s", refused)
