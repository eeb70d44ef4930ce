"""A process that must be there, with a session of its own, started again when it ends."""

import contextlib
import ctypes
import logging
import os
import signal
import socket
import subprocess  # nosec B404 - our own commands, without a shell
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)
GRACE = 15.0  # seconds between SIGTERM and SIGKILL
PDEATHSIG = 1  # prctl(2): the signal that a child gets when its parent dies
# What a child has no use for: the first password, and the wire to the service manager.
KEPT_BACK = {"CCXSEC_ADMIN_PASSWORD", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}


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
        kept = {k: v for k, v in os.environ.items() if k not in KEPT_BACK}
        self.process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
            self.command,
            pass_fds=self.pass_fds,
            env=kept | self.environment,
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


def stop(children: Iterable[Child]) -> None:
    """SIGTERM to each leader alone, and what is left of its session after 15 s is killed."""
    started = [child for child in children if child.process]
    for child in started:
        if not child.has_ended() and child.process:
            child.process.terminate()
    deadline = time.monotonic() + GRACE
    for child in started:
        if child.process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.1, deadline - time.monotonic()))
        child.clear()


def web_server(listener: socket.socket, names: Iterable[str]) -> Child:
    """It serves on `listener`, to browsers that call this machine by one of `names`."""
    command = [sys.executable, "-m", "gunicorn", "--config", "python:ccxsec_project.web"]
    return Child(
        "web server",
        [*command, "ccxsec_project.wsgi"],
        pass_fds=(listener.fileno(),),
        environment={
            "CCXSEC_LISTENER": str(listener.fileno()),
            "CCXSEC_ALLOWED_HOSTS": ",".join(names),
        },
    )


def worker_cluster(environment: dict[str, str]) -> Child:
    """Takes jobs from the queue; `environment` is added to this process's own."""
    return Child(
        "worker cluster",
        [sys.executable, "manage.py", "qcluster", "--skip-checks"],
        environment=environment,
    )


def ipsec_listener() -> Child:
    """Hears the events of the IKE daemon of this machine."""
    return Child("IPsec listener", [sys.executable, "manage.py", "ipsec_listen"])


def _die_with_parent() -> None:
    """The child ends with SIGTERM when the supervisor dies without a word (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGTERM)
