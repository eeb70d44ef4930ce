"""What our worker does otherwise than gunicorn's, a connection being any object."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from http.client import HTTPConnection
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


def tell_process(_environ: object, start: Callable[..., object]) -> list[bytes]:
    """A WSGI application: which process answers."""
    start("200 OK", [("Content-Length", "8")])
    return [f"{os.getpid():8}".encode()]


def test_connections_that_come_at_once_are_shared_among_the_processes() -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
        shape = ["--workers=2", "--threads=4", "--bind", f"fd://{listener.fileno()}"]
        command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--keep-alive=30"]
        command += [*shape, "--worker-class", "ccxsec_project.web_worker.Worker"]
        server = subprocess.Popen(
            [*command, "tests.test_web_worker:tell_process"], pass_fds=[listener.fileno()]
        )
        stack.callback(server.wait, 30)
        stack.callback(server.terminate)
        host, port = listener.getsockname()
        deadline = time.monotonic() + 60
        while len(workers := _answering(host, port, 8)) < 2:  # both are up
            assert server.poll() is None
            assert time.monotonic() < deadline, workers

        # Where other programs want the processor, the second one may come too late once.
        tries = [_answering(host, port, 40, waking=[*map(int, workers)]) for _ in range(3)]

    assert min(max(shares.values()) for shares in tries) <= 34, tries


def _answering(host: str, port: int, count: int, waking: Sequence[int] = ()) -> Counter[str]:
    """How many of so many connections, all of which are open together, each process has.

    Args:
        waking: these processes sleep while the connections are made; then one wakes a little
            before the next.
    """
    for pid in waking:
        os.kill(pid, signal.SIGSTOP)
    clients = [HTTPConnection(host, port, timeout=30) for _ in range(count)]
    for client in clients:
        client.connect()
        client.request("GET", "/")
    for pid in waking:
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.02)
    found = Counter(client.getresponse().read().decode().strip() for client in clients)
    for client in clients:
        client.close()
    return found


def test_a_connection_that_fails_while_it_is_closed_is_counted_once(worker: Worker) -> None:
    worker.nr_conns = 3

    def close(*, graceful: bool = False) -> None:
        if graceful:
            raise OSError(errno.EPIPE, "it has gone")

    done = SimpleNamespace(cancelled=lambda: False, result=lambda: False)
    worker.finish_request(SimpleNamespace(close=close), done)

    assert worker.nr_conns == 2


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
