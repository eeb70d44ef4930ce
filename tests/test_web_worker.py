"""What our worker does otherwise than gunicorn's, a connection being any object."""

import errno
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import _DEFER, ThreadWorker

from ccxsec_project import web_worker
from ccxsec_project.web_worker import Worker


class Listener:
    """Whose connections can't be accepted, for a reason of the system."""

    def __init__(self, reason: int) -> None:
        self.reason = reason

    def accept(self) -> Any:
        raise OSError(self.reason, "can't be accepted")


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(web_worker, "BREATH", 0)
    monkeypatch.setattr(ThreadWorker, "handle", lambda *_: "handled")
    made = Worker.__new__(Worker)
    made.alive, made.nr_conns = True, 0
    return made


@pytest.mark.parametrize("reason", [errno.EMFILE, errno.ENFILE])
def test_a_worker_outlives_that_no_file_is_left(worker: Worker, reason: int) -> None:
    worker.accept(Listener(reason))

    assert worker.nr_conns == 0
    with pytest.raises(OSError, match="accepted"):
        ThreadWorker.accept(worker, Listener(reason))


def test_what_else_is_wrong_with_a_listener_is_told(worker: Worker) -> None:
    with pytest.raises(OSError, match="accepted"):
        worker.accept(Listener(errno.EBADF))


@pytest.mark.parametrize(
    ("is_alive", "is_new", "says_something", "done"),
    [
        (True, True, False, _DEFER),
        (True, True, True, "handled"),
        (True, False, False, "handled"),
        (False, True, False, "handled"),
    ],
)
def test_who_is_silent_waits_outside_of_the_threads_unless_the_worker_stops(
    worker: Worker, is_alive: bool, is_new: bool, says_something: bool, done: object
) -> None:
    worker.alive = is_alive
    client = SimpleNamespace(initialized=not is_new, wait_for_data=lambda _: says_something)

    assert worker.handle(client) is done


@pytest.mark.parametrize(("soft", "hard", "allowed"), [(256, 512, 512), (256, 8192, 4096)])
def test_the_web_server_may_open_as_many_files_as_the_system_lets_it(
    soft: int, hard: int, allowed: int
) -> None:
    code = (
        "import resource as r; from ccxsec_project.web_worker import allow_open_files;"
        f"r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {hard})); allow_open_files();"
        "print(r.getrlimit(r.RLIMIT_NOFILE))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == f"({allowed}, {hard})\n"
