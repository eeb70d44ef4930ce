"""A real worker cluster: it keeps our schedule, and runs nothing that was planted (MO-4)."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.signing import SignedPackage

from certificates.operations.monitoring.schedule import keep_schedules
from certificates.queue_guard import SCHEDULES
from tests.lab.worker import Worker
from tests.product import ROOT
from tests.test_queue_guard import PLANTED, planted

pytestmark = pytest.mark.spec("MO-4")


@contextmanager
def cluster(worker: Worker, workers: int) -> Iterator[None]:
    """The product's background worker on a worker's installation; it asks its schedule at once."""
    environment = worker.environment | {"PYTHONPATH": str(ROOT)}
    code = (
        "import django; from django.conf import settings;"
        f" settings.Q_CLUSTER.update(workers={workers}, guard_cycle=30); django.setup();"
        " from django.core.management import call_command; call_command('qcluster')"
    )
    with worker.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_cluster_of_four_runs_ours_and_nothing_that_was_planted(
    installed: Path, tmp_path: Path
) -> None:
    data, mark = tmp_path / "data", tmp_path / "mark"
    shutil.copytree(installed, data, symlinks=True)
    with Worker(data) as worker:
        worker.ask(plant, str(mark))
        with cluster(worker, 4):
            deadline = time.monotonic() + 50
            while time.monotonic() < deadline and not evaluations(data):
                time.sleep(0.3)
            assert evaluations(data), worker.log.read_text()
        assert worker.ask(names_left) == sorted(SCHEDULES)
    assert not mark.exists()
    log = worker.log.read_text()
    assert "a task that is none of ours was not run: 'os.system'" in log


def evaluations(data: Path) -> int:
    with closing(sqlite3.connect(data / "ccxsec.sqlite3", timeout=20)) as database:
        found = database.execute(
            "SELECT count(*) FROM certificates_monitorstate WHERE name = 'evaluation'"
        )
        return int(found.fetchone()[0])


# --- Run in the worker ---------------------------------------------------------------------------
def plant(mark: str) -> None:
    """Schedules, and a message of the queue that was signed with the key."""
    keep_schedules(now=timezone.now())
    rows = [Schedule(**planted(mark, **columns)) for columns in PLANTED.values()]
    Schedule.objects.bulk_create(rows)
    package = {"id": "1" * 32, "name": "x", "func": "os.system", "args": (f"touch {mark}",)}
    package |= {"kwargs": {}, "started": timezone.now(), "hook": "os.system"}
    OrmQ.objects.create(key="ccxsec", payload=SignedPackage.dumps(package), lock=timezone.now())


def names_left() -> list[str]:
    return sorted(Schedule.objects.values_list("name", flat=True))
