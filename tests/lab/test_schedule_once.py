"""Two clusters ask the schedule at the same moment: each of its tasks is queued once (MN-4)."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from certificates.models import Heartbeat
from certificates.operations.monitoring.schedule import keep_schedules
from certificates.queue_guard import SCHEDULES
from tests.lab.conftest import Start
from tests.lab.worker import Worker

pytestmark = pytest.mark.spec("MN-4")
ROUNDS = 5


def make_due() -> None:
    """Everything on the schedule, and nothing in the queue."""
    keep_schedules(now=timezone.now())
    OrmQ.objects.all().delete()
    Heartbeat.objects.filter(name="upkeep").delete()
    Schedule.objects.update(next_run=timezone.now() - timedelta(seconds=1))


def ask() -> bool:
    """As a cluster and its supervisor do; whether it was this one's turn."""
    scheduler()
    return Heartbeat.objects.take_turn("upkeep", every=timedelta(minutes=1), now=timezone.now())


def queued() -> int:
    return OrmQ.objects.count()


def test_two_at_once_queue_each_task_once(worker: Worker, start: Start) -> None:
    with start() as other:
        for _ in range(ROUNDS):
            worker.ask(make_due)
            for one in (worker, other):
                one.tell(ask)
            turns = [worker.hear(), other.hear()]

            assert worker.ask(queued) == len(SCHEDULES)
            assert sorted(turns) == [False, True]
