"""Killed at any point, a regeneration leaves every certificate with its key (CM-8)."""

import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from certificates.tasks import upkeep
from tests.lab.regenerate_worker import (
    Worker,
    fingerprints,
    install,
    run_until_killed,
    violations,
)

KILLS, NAIVE_KILLS = int(os.environ.get("CRASH_KILLS", "200")), 60
LEFT_ALONE = 0.5  # chance that the next one meets what a killed one left
ALL_KILLED_EVERY = 50  # kills: the whole process, not only its child
COUNT_ONLY = -1  # effects are counted, none kills


class Executioner:
    """Starts regenerations and kills each at a random point; the same seed, the same points."""

    def __init__(self, data: Path, *words: str) -> None:
        seed = int(os.environ.get("CRASH_SEED", random.SystemRandom().randrange(10**9)))
        sys.stdout.write(f"CRASH_SEED={seed}\n")  # pytest shows it when the test fails
        self.random, self.data, self.words = random.Random(seed), data, words
        self.worker, self.said = Worker(data, *words), set[str]()
        self.seconds, self.effects = 0.0, 0  # of one regeneration
        self.points: list[int] = []  # effects to kill after; each comes once before one comes again

    def __enter__(self) -> "Executioner":
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.kill()

    def measure(self) -> None:
        """How long a regeneration takes when nothing hinders it, and how many effects it has."""
        measured = []
        for point in (0, 0, 0, COUNT_ONLY):
            child, begun = self._start(point), time.monotonic()
            self.effects = self.worker.hear_until("deployed")["effects"]
            measured.append(time.monotonic() - begun)
            self._kill(child)
        self.seconds = min(measured)

    def kill(self, number: int) -> None:
        """The `number`th kill, each by another way to die."""
        if number % ALL_KILLED_EVERY == 0:
            self._after_a_moment(self._start())
            self.worker.kill()
            self.said.update(self.worker.said)
            self.worker = Worker(self.data, *self.words)
        elif number % 3 == 0:  # at any time: also in the middle of a system call
            self._kill(self._after_a_moment(self._start()))
        else:  # right after a call that changes a file or the database
            if not self.points:
                self.points = self.random.sample(range(1, self.effects + 1), self.effects)
            self.worker.tell(run_until_killed, self.points.pop())
            self._wait_for_death()

    def _start(self, point: int = 0) -> int:
        self.worker.tell(run_until_killed, point)
        return int(self.worker.hear_until("begin")["pid"])

    def _after_a_moment(self, child: int) -> int:
        time.sleep(self.random.uniform(0, self.seconds))
        return child

    def _kill(self, child: int) -> None:
        os.kill(child, signal.SIGKILL)
        self._wait_for_death()

    def _wait_for_death(self) -> None:
        assert self.worker.hear_until("signal")["signal"] == signal.SIGKILL
        self.said.update(self.worker.said)


@pytest.mark.spec("CM-8")
def test_two_hundred_kills_leave_every_certificate_with_its_key(tmp_path: Path) -> None:
    with Executioner(tmp_path / "data") as executioner:
        executioner.worker.ask(install)
        executioner.measure()
        for number in range(1, KILLS + 1):
            executioner.kill(number)
            assert executioner.worker.ask(violations) == [], f"kill {number}"
            if executioner.random.random() > LEFT_ALONE or number == KILLS:
                executioner.worker.ask(upkeep)
                assert executioner.worker.ask(violations, True) == [], f"recovery {number}"

        kept = executioner.worker.ask(fingerprints)
    assert executioner.said <= set(kept)  # what was said to be done is not lost
    assert len(kept) > len(executioner.said) > KILLS / 10  # the kills came before and after
    sys.stdout.write(f"{executioner.effects} effects, {executioner.seconds:.3f} s\n")


@pytest.mark.spec("CM-8")
def test_the_same_kills_break_a_naive_regeneration(tmp_path: Path) -> None:
    data, clean, found = tmp_path / "data", tmp_path / "clean", Counter[str]()
    with Executioner(data, "naive") as executioner:
        executioner.worker.ask(install)
        shutil.copytree(data, clean, symlinks=True)
        executioner.measure()
        for number in range(1, NAIVE_KILLS + 1):
            shutil.rmtree(data)
            shutil.copytree(clean, data, symlinks=True)
            executioner.kill(number)
            wrong = executioner.worker.ask(violations)
            found.update({sentence.partition(":")[0] for sentence in wrong})
    sys.stdout.write(f"{executioner.effects} effects, {executioner.seconds:.3f} s, {found}\n")

    assert found.keys() >= {"active.count", "key.missing", "store.torn"}
