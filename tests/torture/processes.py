"""The product under torture: two web servers, two worker clusters, one database; and their killer.

`./ccxsec up` runs one of each, as an operator starts it; the second web server and cluster run
beside it on the same database. What ends is started again, as a service manager would do it.
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.product import ROOT, Product, free_port, left_behind

WEB = ["-m", "gunicorn", "--config", "python:ccxsec_project.web", "ccxsec_project.wsgi"]
CLUSTER = ["manage.py", "qcluster"]
DATABASE = 0.12  # how often it is the database's turn
# What takes long to come back is killed seldom: else nothing would run that could break.
WEIGHTS = {"supervisor": 0.15, "web master": 0.4, "cluster": 0.4, "web worker": 3.0}
WEIGHTS |= {"cluster guard": 1.0, "cluster process": 4.0, "helper process": 2.0}


@dataclass
class Place:
    """Everything that runs, and what was killed so far."""

    product: Product
    restart_database: Callable[[], None] | None
    rng: random.Random
    second_port: int = field(default_factory=free_port)
    killed: dict[str, int] = field(default_factory=dict)
    _listener: socket.socket | None = None
    _children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def ports(self) -> list[int]:
        return [self.product.port, self.second_port]

    def start(self, seconds: float = 300.0) -> None:
        """All of it, and the thread that brings back what ends."""
        self._keep("up", ["manage.py", "up"], {})
        deadline = time.monotonic() + seconds
        while b"Ctrl-C stops it" not in self.product.log.read_bytes():
            if time.monotonic() > deadline:
                raise AssertionError(self.product.log.read_text())
            self._keep("up", ["manage.py", "up"], {})  # a busy machine may need a second start
            time.sleep(0.2)
        self._listener = socket.create_server(("127.0.0.1", self.second_port))
        self._listener.set_inheritable(True)
        self._look_after()
        threading.Thread(target=self._supervise, daemon=True).start()

    def _supervise(self) -> None:
        while not self._stopping.wait(0.2):
            self._look_after()

    def _look_after(self) -> None:
        assert self._listener
        number = self._listener.fileno()
        self._keep("up", ["manage.py", "up"], {})
        self._keep("web", WEB, {"CCXSEC_LISTENER": str(number)}, (number,))
        self._keep("cluster", CLUSTER, {})

    def _keep(
        self, name: str, words: list[str], more: dict[str, str], fds: tuple[int, ...] = ()
    ) -> None:
        old = self.product.process if name == "up" else self._children.get(name)
        if old is not None and old.poll() is None:
            return
        if old is not None:
            time.sleep(0.3)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(old.pid, signal.SIGKILL)  # what a dead leader has left
        environment = self.product.environment | {"CCXSEC_ALLOWED_HOSTS": "localhost"} | more
        with self.product.log.open("ab") as log:
            started = subprocess.Popen(
                [sys.executable, *words],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                pass_fds=fds,
                start_new_session=True,
            )
        if name == "up":
            self.product.process = started
        else:
            self._children[name] = started

    def leaders(self) -> list[psutil.Process]:
        running = [self.product.process, *self._children.values()]
        found = []
        for process in running:
            with contextlib.suppress(psutil.NoSuchProcess):
                if process is not None and process.poll() is None:
                    found.append(psutil.Process(process.pid))
        return found

    def kill_one(self) -> None:
        """SIGKILL for one process; or the database stops at once and starts again."""
        if self.restart_database and self.rng.random() < DATABASE:
            self._count("PostgreSQL")
            self.restart_database()
            return
        kinds: dict[str, list[psutil.Process]] = {}
        for leader in self.leaders():
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in [leader, *leader.children(recursive=True)]:
                    kinds.setdefault(_what(process), []).append(process)
        if kinds:
            weights = [WEIGHTS.get(kind, 1.0) for kind in kinds]
            (kind,) = self.rng.choices(list(kinds), weights)
            with contextlib.suppress(psutil.NoSuchProcess):
                self.rng.choice(kinds[kind]).kill()
                self._count(kind)

    def _count(self, what: str) -> None:
        self.killed[what] = self.killed.get(what, 0) + 1

    def stop(self) -> None:
        """Cleanly where that is possible; nothing is left in the end."""
        self._stopping.set()
        time.sleep(0.3)
        leaders = [self.product.process, *self._children.values()]
        for process in leaders:
            if process is not None and process.poll() is None:
                process.terminate()
        for process in leaders:
            if process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(40)
        for left in left_behind(self.product):
            with contextlib.suppress(psutil.NoSuchProcess):
                left.kill()
        if self._listener:
            self._listener.close()


def _what(process: psutil.Process) -> str:
    """Its part in the product. Raises `NoSuchProcess`."""
    words, parent, depth = process.cmdline(), process.parent(), 0
    for program in ("gunicorn", "qcluster"):
        if program in words:
            while parent is not None and program in parent.cmdline():
                parent, depth = parent.parent(), depth + 1
            return PARTS[program][min(depth, len(PARTS[program]) - 1)]
    return "supervisor" if words[-1:] == ["up"] else "helper process"


PARTS = {
    "gunicorn": ("web master", "web worker"),
    "qcluster": ("cluster", "cluster guard", "cluster process"),
}


def command(
    product: Product, *words: str, seconds: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """A command beside the running product."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=product.environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def folder_of(product: Product) -> Path:
    return product.data.parent
