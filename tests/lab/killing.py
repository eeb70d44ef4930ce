"""Kill a change at random points, again and again: the tests' end, and the one that is killed."""

import os
import random
import shutil
import signal
import sqlite3
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from django.db import connections

from tests.lab.changes import CHANGES, set_up
from tests.lab.naive import NAIVE
from tests.lab.worker import Worker, say

ALL_KILLED_EVERY = 100  # kills: the whole process, not only its child
COUNT_ONLY = -1  # effects are counted, none kills
# The C functions after which something outside of the process may look different.
EFFECTS = {"open", "write", "flush", "chmod", "mkdir", "rename", "symlink", "unlink", "rmdir"}
EFFECTS |= {"chown", "memfd_create", "send"}  # `send`: what another server is told
EFFECTS |= {"execute", "executemany", "commit", "fetchone"}  # INSERT … RETURNING ends when fetched


class Executioner:
    """Starts one change after the other and kills each at a random point.

    Args:
        folder: for an installation of its own.
        clean: what each change begins with; a copy is made.
        part: every how manieth point is its own, from which one on; others take the others.
    """

    def __init__(self, folder: Path, clean: Path, part: tuple[int, int]) -> None:
        self.data, self.clean, self.part = folder / "data", clean, part
        self.put_back(clean)
        self.worker = Worker(self.data)

    def __enter__(self) -> "Executioner":
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.kill()

    def take_up(self, change: str, seed: int, *, naive: bool = False) -> None:
        """Begin with a clean installation and another change.

        Args:
            change: one of `CHANGES`.
            seed: the same one kills at the same points.
        """
        self.random, self.change, self.said = random.Random(seed), (change, naive), set[str]()
        self.points: list[int] = []  # to kill after; each comes once before one comes again
        self.put_back(self.clean)
        self.worker.said.clear()
        self.worker.ask(set_up, change)
        self._measure()

    def put_back(self, clean: Path) -> None:
        """Nobody has a file of it open: a worker closes everything after an answer."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(clean, self.data, symlinks=True)

    def _measure(self) -> None:
        """How long a change takes when nothing hinders it, and how many effects it has."""
        self.worker.tell(run_until_killed, *self.change, COUNT_ONLY, 1)
        self.effects = int(self.worker.hear_until("done")["effects"])
        self._wait_for_death()
        measured = []
        self.worker.tell(run_until_killed, *self.change, 0, 3)
        for _ in range(3):
            self.worker.hear_until("begin")
            begun = time.monotonic()
            self.worker.hear_until("done")
            measured.append(time.monotonic() - begun)
        self.seconds = min(measured)
        self._wait_for_death()
        sys.stdout.write(f"{self.effects} effects, {self.seconds:.3f} s\n")

    def kill(self, number: int) -> None:
        """The `number`th kill, each by another way to die."""
        if number % ALL_KILLED_EVERY == 0:
            self._after_a_moment(self._start())
            self.worker.kill()
            self.said.update(self.worker.said)
            self.worker = Worker(self.data)
        elif number % 3 == 0:  # at any time: also in the middle of a system call
            os.kill(self._after_a_moment(self._start()), signal.SIGKILL)
            self._wait_for_death()
        else:  # right after a call that changes a file or the database
            if not self.points:
                self.points = self.own_points()
                self.random.shuffle(self.points)
            self.kill_after(self.points.pop())

    def own_points(self) -> list[int]:
        """The effects that it may kill after."""
        first, step = self.part
        return list(range(1 + first, self.effects + 1, step))

    def kill_after(self, point: int) -> None:
        self.worker.tell(run_until_killed, *self.change, point)
        self._wait_for_death()

    def _start(self) -> int:
        self.worker.tell(run_until_killed, *self.change)
        return int(self.worker.hear_until("begin")["pid"])

    def _after_a_moment(self, child: int) -> int:
        time.sleep(self.random.uniform(0, self.seconds))
        return child

    def _wait_for_death(self) -> None:
        assert self.worker.hear_until("signal")["signal"] == signal.SIGKILL
        self.said.update(self.worker.said)


# --- Run in the worker ---------------------------------------------------------------------------
def run_until_killed(
    name: str = "regenerate", naive: bool = False, point: int = 0, times: int = 0
) -> dict[str, int]:
    """Make a change in a child, again and again; says each step, and which signal ended it.

    Args:
        point: the child kills itself at that many effects (`EFFECTS`); 0: it waits to be killed.
        times: so often only, then it kills itself; 0: endless.
    """
    change = CHANGES[name]
    make = NAIVE[name] if naive else change.make
    given = change.prepare()
    connections.close_all()
    server, child = os.getpid(), os.fork()
    if child:
        return {"signal": os.WTERMSIG(os.waitpid(child, 0)[1])}
    effects = Effects(point)
    try:
        while os.getppid() == server:
            say({"step": "begin", "pid": os.getpid()})
            with effects:
                make(given)
            say({"step": "done", "effects": effects.seen})
            times -= 1
            if times == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            given = change.prepare()
    except Exception:  # noqa: BLE001 - the process ends here; its log tells why
        traceback.print_exc()
    finally:
        os._exit(1)


class Effects:
    """Counts what is done outside of the process inside the block; SIGKILL right after one.

    Args:
        point: after that many of them; `COUNT_ONLY`: none kills; 0: they are not even counted.
    """

    def __init__(self, point: int) -> None:
        self.point, self.seen = point, 0

    def __enter__(self) -> None:
        if self.point:
            sys.setprofile(self._watch)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _watch(self, _frame: Any, event: str, function: Any) -> None:
        if event == "c_return" and function.__name__ in EFFECTS and _is_outside(function):
            self.seen += 1
            if self.seen == self.point:
                os.kill(os.getpid(), signal.SIGKILL)


def _is_outside(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    if isinstance(owner, sqlite3.Cursor):
        return not owner.connection.in_transaction  # else nobody sees it before the commit
    module = function.__module__ or type(owner).__module__
    return module in ("posix", "io", "_io", "socket", "_socket") or isinstance(
        owner, sqlite3.Connection
    )
