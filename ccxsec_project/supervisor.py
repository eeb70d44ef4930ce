"""Runs web server, worker cluster and IPsec listener, restarts what dies, stops all cleanly.

Each child has a session of its own: stopping sends SIGTERM to its leader alone, and whatever is
left of the session after 15 s is killed. (The worker cluster hangs for good when its whole group
gets SIGTERM, and also when a worker is killed that holds the queue's lock: so its heartbeat is
watched, too.)
"""

import contextlib
import ctypes
import logging
import os
import signal
import socket
import subprocess  # nosec B404 - our own commands, without a shell
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone
from django_q.tasks import async_task

from certificates import jobs
from certificates.models import Heartbeat
from certificates.tasks import WORKER

logger = logging.getLogger(__name__)
GRACE = 15.0  # seconds between SIGTERM and SIGKILL
PDEATHSIG = 1  # prctl(2): the signal that a child gets when its parent dies


@dataclass
class Child:
    """A process that must be there: how it is started, and when it was."""

    name: str
    command: list[str]
    pass_fds: tuple[int, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = 0.0  # seconds before the next start; grows while it dies at once

    def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
            self.command,
            pass_fds=self.pass_fds,
            env=_without_password() | self.environment,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - this process has one thread
        )
        self.started = time.monotonic()

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def clear(self) -> None:
        """Kill what a dead leader has left behind."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def restart_if_ended(self) -> bool:
        """True: it was started again."""
        if not self.has_ended():
            return False
        lived = time.monotonic() - self.started
        if self.process:
            if lived < self.wait:
                return False
            logger.error("the %s ended (%s); starting it again", self.name, self.process.returncode)
            self.clear()
        self.wait = min(30.0, self.wait * 2 + 0.5) if lived < 10 else 0.0  # noqa: PLR2004 - seconds
        self.start()
        return True


class Supervisor:
    def __init__(self, listener: socket.socket, *, names: list[str]) -> None:
        """Serve on `listener`, to browsers that call this machine by one of `names`."""
        self.web = Child(
            "web server",
            [
                sys.executable,
                "-m",
                "gunicorn",
                "--config",
                "python:ccxsec_project.web",
                "ccxsec_project.wsgi",
            ],
            pass_fds=(listener.fileno(),),
            environment={
                "CCXSEC_LISTENER": str(listener.fileno()),
                "CCXSEC_ALLOWED_HOSTS": ",".join(names),
            },
        )
        self.worker = Child("worker cluster", [sys.executable, "manage.py", "qcluster"])
        self.listener = Child("IPsec listener", [sys.executable, "manage.py", "ipsec_listen"])
        self.stopping = False
        self.reload_wanted = False
        self._asked = 0.0

    def run(self, when_serving: Callable[[], None]) -> None:
        """Until SIGTERM or SIGINT; SIGHUP has the web server take its new certificate."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._reload)
        try:
            self.web.start()
            self.worker.start()
            when_serving()  # the listener is started with the first look below: nobody waits for it
            while not self.stopping:
                self.look_after()
                time.sleep(0.2)
        finally:
            self._stop_children()

    def look_after(self) -> None:
        """One round: reload, restart what died, watch the worker's heartbeat."""
        if self.reload_wanted and self.web.process and not self.web.has_ended():
            self.reload_wanted = False
            self.web.process.send_signal(signal.SIGHUP)
        self.web.restart_if_ended()
        self.listener.restart_if_ended()
        if self.worker.restart_if_ended():
            self._send_again()
        every = settings.CCXSEC_HEARTBEAT_LIMIT / 3
        if time.monotonic() - self._asked > every:
            self._asked = time.monotonic()
            self._watch_heartbeat()

    def _watch_heartbeat(self) -> None:
        """Ask for a sign of life; restart the cluster when the last one is too old."""
        limit = timedelta(seconds=settings.CCXSEC_HEARTBEAT_LIMIT)
        try:
            close_old_connections()
            beat = Heartbeat.objects.filter(name=WORKER).first()
            running = timedelta(seconds=time.monotonic() - self.worker.started)
            silent = timezone.now() - beat.seen_at if beat else running
            if min(silent, running) > limit:
                logger.error("the worker cluster gave no sign of life for %s; restarting it", limit)
                self.worker.clear()
                self.worker.start()
                self._send_again()
            async_task("certificates.tasks.upkeep", task_name="upkeep", save=False)
        except DatabaseError as error:
            logger.warning("the heartbeat can't be read: %s", error)

    def _send_again(self) -> None:
        """A cluster that was ended has taken the messages in its hands with it."""
        try:
            jobs.take_up_lost(waiting=timedelta(0))
        except DatabaseError as error:
            logger.warning("lost jobs can't be sent again yet: %s", error)

    def _stop(self, _number: int, _frame: object) -> None:
        self.stopping = True

    def _reload(self, _number: int, _frame: object) -> None:
        self.reload_wanted = True

    def _stop_children(self) -> None:
        known = (self.web, self.worker, self.listener)
        children = [child for child in known if child.process]
        for child in children:
            if not child.has_ended() and child.process:
                child.process.terminate()
        deadline = time.monotonic() + GRACE
        for child in children:
            if child.process:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(max(0.1, deadline - time.monotonic()))
            child.clear()


def _without_password() -> dict[str, str]:
    """The children need no administrator's password in their environment."""
    return {k: v for k, v in os.environ.items() if k != "CCXSEC_ADMIN_PASSWORD"}


def _die_with_parent() -> None:
    """The child ends with SIGTERM when the supervisor dies without a word (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGTERM)
