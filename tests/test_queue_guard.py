"""Nothing but our own functions is queued, scheduled or run by the worker."""

import os
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.db.models.signals import post_save
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task
from django_q.scheduler import scheduler
from django_q.signals import call_hook
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from certificates import queue_guard
from certificates.operations.monitoring.schedule import keep_schedules
from certificates.queue_guard import ALLOWED, REFUSED, SCHEDULES

pytestmark = pytest.mark.spec("MO-4")
PLANTED: dict[str, dict[str, Any]] = {
    "function": {"func": "os.system", "args": "'touch {mark}'"},
    "hook": {"func": "certificates.tasks.monitor", "hook": "os.system"},
    "keyword": {"func": "certificates.tasks.monitor", "kwargs": "q_options={'sync': True}"},
    "argument": {"func": "certificates.tasks.run", "args": "__import__('os')"},
    "chain": {
        "func": "certificates.tasks.monitor",
        "kwargs": "q_options={'chain': [('os.system', ('touch {mark}',))]}",
    },
    "endless": {"func": "certificates.tasks.monitor", "minutes": 0},
    "cron": {"func": "certificates.tasks.monitor", "schedule_type": "C", "cron": "nonsense"},
    "ours with a hook": {
        "name": "certificate monitor",
        "func": "certificates.tasks.monitor",
        "hook": "os.system",
    },
}


def planted(mark: str, **columns: Any) -> dict[str, Any]:
    text = {
        k: v.replace("{mark}", mark) if k in ("args", "kwargs") else v for k, v in columns.items()
    }
    due = timezone.now() - timedelta(hours=1)
    return {"name": "x", "schedule_type": "I", "minutes": 1, "repeats": -1, "next_run": due} | text


def queued() -> list[dict[str, Any]]:
    return [SignedPackage.loads(row.payload) for row in OrmQ.objects.order_by("pk")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_schedule_is_taken_out_and_stops_no_other(kind: str, tmp_path: Path) -> None:
    Schedule.objects.all().delete()
    Schedule.objects.bulk_create([Schedule(**planted(str(tmp_path / "mark"), **PLANTED[kind]))])
    keep_schedules(now=timezone.now() - timedelta(minutes=5))
    Schedule.objects.update(next_run=timezone.now() - timedelta(minutes=1))

    scheduler()
    scheduler()

    functions = {function for function, _ in SCHEDULES.values()}
    assert {task["func"] for task in queued()} == {REFUSED, *functions}
    assert all(set(task) <= queue_guard._KEPT for task in queued())
    assert {(left.name, left.func, left.hook) for left in Schedule.objects.all()} == {
        (name, function, None) for name, (function, _) in SCHEDULES.items()
    }
    assert not (tmp_path / "mark").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("function", "arguments", "options"),
    [
        ("os.system", ("true",), {}),
        ("certificates.tasks.run", ("1",), {}),
        ("certificates.tasks.run", (True,), {}),
        ("certificates.tasks.upkeep", (1,), {}),
        ("certificates.tasks.monitor", (), {"now": 1}),
        (os.getpid, (), {}),
    ],
)
def test_what_is_none_of_ours_is_not_queued(
    function: Any, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    async_task(function, *arguments, **options)

    assert [(task["func"], task["args"]) for task in queued()] == [(REFUSED, ())]


@pytest.mark.django_db(transaction=True)
def test_hooks_groups_and_chains_are_taken_off() -> None:
    options = {"hook": "os.system", "group": "g", "chain": [("os.system", ())], "sync": True}
    async_task("certificates.tasks.monitor", **options)

    [task] = queued()
    assert task["func"] == "certificates.tasks.monitor"
    assert set(task) <= queue_guard._KEPT


@pytest.mark.django_db
def test_no_hook_of_a_kept_result_is_called(tmp_path: Path) -> None:
    assert not [one for one in post_save.receivers if one[1] is call_hook]
    now = timezone.now()
    Task.objects.create(
        id="1" * 32, name="x", func="f", hook="os.getcwd", started=now, stopped=now, success=False
    )
    assert call_hook not in post_save._live_receivers(Task)[0]


def test_each_function_that_may_run_is_there() -> None:
    for name in ALLOWED:
        module, _, function = name.rpartition(".")
        assert callable(getattr(import_module(module), function))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=4000)])
def test_a_clock_that_was_set_back_does_not_hold_up_the_schedule(ahead: timedelta) -> None:
    now = timezone.now()
    assert keep_schedules(now=now) == list(SCHEDULES)
    Schedule.objects.update(next_run=now + ahead)

    assert keep_schedules(now=now) == []

    assert {row.next_run for row in Schedule.objects.all()} == {now}
