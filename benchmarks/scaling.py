"""What a web process and a worker cluster hold and do: memory, pages and jobs for each CPU second.

The product runs as it is deployed, in processes of its own, on SQLite, PostgreSQL, and PostgreSQL
with Redis. CPU seconds are of its own processes (not of the database, and not of who asks), so
that figures of a busy machine can be compared; elapsed seconds stand beside them.
"""

import contextlib
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from django.db import transaction

from benchmarks.report import Cell, Table
from certificates import jobs
from certificates.models import Job, JobState, Node
from tests.lab.machines import Browser, Machine
from tests.lab.postgres import throw_away_postgres
from tests.lab.worker import Worker
from tests.redis_server import throw_away_redis

JOBS = 400
PAGES = 200
QUEUES = ("SQLite", "PostgreSQL", "PostgreSQL and Redis")
MIB = 1024 * 1024


def measure(options: Namespace) -> list[Table]:
    """Jobs by 1 and 2 clusters on each queue; pages by 1, 2 and 4 web processes on PostgreSQL."""
    worked: list[tuple[Cell, ...]] = []
    for queue in QUEUES:
        for clusters in (1, 2):
            with machine(queue) as one:
                worked.append((queue, clusters, *_jobs(one, clusters)))
    served: list[tuple[Cell, ...]] = []
    for processes in (1, 2, 4):
        with machine("PostgreSQL", CCXSEC_WEB_WORKERS=str(processes)) as one:
            served.append((processes, *_pages(one)))
    job_columns = ("queue", "clusters", "jobs/s", "jobs/CPU s", "MiB, each cluster")
    page_columns = ("web processes", "pages/s", "pages/CPU s", "MiB, all of them")
    return [
        Table(f"{JOBS} jobs that look at a store", job_columns, worked),
        Table(f"{PAGES} certificate lists of a signed-in user", page_columns, served),
    ]


@dataclass(frozen=True, slots=True)
class Site:
    """One that is set up, and a shell in it."""

    machine: Machine
    shell: Worker


@contextlib.contextmanager
def machine(queue: str, **settings: str) -> Iterator[Site]:
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="ccxsec-scaling-")))
        shared = {"CCXSEC_SECRET_KEY": "k" * 64, "CCXSEC_HEARTBEAT_LIMIT": "600"} | settings
        if queue.startswith("PostgreSQL"):
            shared["DATABASE_URL"] = held.enter_context(throw_away_postgres())
        if queue.endswith("Redis"):
            shared["REDIS_URL"] = held.enter_context(throw_away_redis()).url
        one = Machine(folder / "data", settings=shared)
        done = one.run("up", "--setup-only")
        if done.returncode:
            raise RuntimeError(done.stderr)
        shell = Worker(one.data, **shared)
        held.callback(shell.kill)
        held.callback(one.end)
        yield Site(one, shell)


def _jobs(site: Site, clusters: int) -> tuple[Cell, ...]:
    for _ in range(clusters):
        site.machine.begin("worker")
    site.machine.wait_for(roles=clusters)
    _work_off(site, clusters * 4)  # each has begun by then
    before, begun = _cpu(site.machine), time.monotonic()
    _work_off(site, JOBS)
    seconds, cpu = time.monotonic() - begun, _cpu(site.machine) - before
    return JOBS / seconds, JOBS / cpu, _memory(site.machine) / clusters


def _work_off(site: Site, many: int) -> None:
    site.shell.ask(enqueue, many)
    while site.shell.ask(waiting):
        time.sleep(0.1)


def _pages(site: Site) -> tuple[Cell, ...]:
    site.machine.begin("web")
    site.machine.wait_for(roles=1)
    visitor = Browser(site.machine.port).sign_in()
    for _ in range(20):
        visitor.ask("GET", "/admin/certificates/certificate/")
    before, begun = _cpu(site.machine), time.monotonic()
    for _ in range(PAGES):
        status, _, _ = visitor.ask("GET", "/admin/certificates/certificate/")
        if status != 200:
            raise RuntimeError(f"status {status}")
    seconds, cpu = time.monotonic() - begun, _cpu(site.machine) - before
    return PAGES / seconds, PAGES / cpu, _memory(site.machine)


def _processes(machine: Machine) -> list[psutil.Process]:
    found = []
    for role in machine.roles:
        if role.poll() is None:
            leader = psutil.Process(role.pid)
            found += [leader, *leader.children(recursive=True)]
    return found


def _cpu(machine: Machine) -> float:
    """Seconds that its processes have used so far."""
    return sum(sum(process.cpu_times()[:2]) for process in _processes(machine))


def _memory(machine: Machine) -> float:
    """MiB that would be free without them (shared pages by their part)."""
    return sum(float(process.memory_full_info().pss) for process in _processes(machine)) / MIB


# --- Run in the shell ----------------------------------------------------------------------------
def enqueue(many: int) -> None:
    """Looks at the store of the local node."""
    node = Node.objects.local().pk
    wanted: dict[str, Any] = {"started_by": "benchmark", "node": node, "service": "tomcat"}
    with transaction.atomic():
        for _ in range(many):
            jobs.enqueue("check", "a store", **wanted)


def waiting() -> int:
    """Jobs that have not ended."""
    return Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).count()
