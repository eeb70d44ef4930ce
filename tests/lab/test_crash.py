"""Killed at any point, a change of the certificates is done or not done, and nothing is half."""

import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from certificates.tasks import upkeep
from tests.lab.changes import kept, set_up
from tests.lab.killing import Executioner
from tests.lab.violations import violations
from tests.thorough import rounds

KILLS = rounds(60, 200)
AT_ONCE = 2  # installations, each with its share of the kills
LEFT_ALONE = 0.5  # chance that the next one meets what a killed one left
MEMORY = Path("/dev/shm")  # unlike a power cut, a kill loses nothing that was written


@pytest.fixture(scope="module")
def executioners(
    installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Executioner]]:
    place = MEMORY if MEMORY.is_dir() else tmp_path_factory.mktemp("crash")
    with ExitStack() as stack:
        new = tempfile.TemporaryDirectory
        folders = [
            Path(stack.enter_context(new(prefix="ccxsec-crash-", dir=place)))
            for _ in range(AT_ONCE)
        ]
        yield [
            stack.enter_context(Executioner(folder, installed, (number, AT_ONCE)))
            for number, folder in enumerate(folders)
        ]


def _seed() -> int:
    seed = int(os.environ.get("CRASH_SEED", random.SystemRandom().randrange(10**9)))
    sys.stdout.write(f"CRASH_SEED={seed}\n")  # pytest shows it when the test fails
    return seed


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("regenerate", marks=pytest.mark.spec("CM-8")),
        pytest.param("request", marks=pytest.mark.spec("CM-16")),
        pytest.param("install", marks=pytest.mark.spec("CM-23")),
        pytest.param("deploy", marks=pytest.mark.spec("CM-14")),
        "roll back",
    ],
)
def test_kills_leave_every_certificate_with_its_key(
    change: str, executioners: list[Executioner]
) -> None:
    seed = _seed()

    def share(number: int) -> list[str]:
        executioners[number].take_up(change, seed + number)
        return _kill_often(executioners[number], change, KILLS // AT_ONCE)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        shares = list(pool.map(share, range(AT_ONCE)))
    for executioner, done in zip(executioners, shares, strict=True):
        assert executioner.said <= set(done)  # what was said to be done is not lost
    said, made = sum(len(one.said) for one in executioners), sum(map(len, shares))
    sys.stdout.write(f"{made} done, {said} of them said\n")
    assert made > said > KILLS / 100  # the kills came before and after


def _kill_often(executioner: Executioner, change: str, kills: int) -> list[str]:
    """What is done in the end."""
    for number in range(1, kills + 1):
        executioner.kill(number)
        assert executioner.worker.ask(violations) == [], f"kill {number}"
        if executioner.random.random() > LEFT_ALONE or number == kills:
            executioner.worker.ask(upkeep)
            assert executioner.worker.ask(violations, True) == [], f"recovery {number}"
    return list(executioner.worker.ask(kept, change))


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("regenerate", {"active.count", "key.other", "store.torn"}),
        ("request", {"key.orphan", "request.lost", "request.nodes", "audit.untold"}),
        ("install", {"active.count", "chain.half", "request.consumed", "store.torn"}),
        ("roll back", {"active.count", "audit.untrue", "store.torn"}),
    ],
)
@pytest.mark.spec("CM-8")
def test_a_kill_at_each_point_breaks_a_naive_change(
    change: str, broken: set[str], executioners: list[Executioner], tmp_path: Path
) -> None:
    seed, found = _seed(), Counter[str]()

    def share(number: int) -> None:
        executioner, clean = executioners[number], tmp_path / str(number)
        executioner.take_up(change, seed + number, naive=True)
        executioner.put_back(executioner.clean)
        executioner.worker.ask(set_up, change)
        shutil.copytree(executioner.data, clean, symlinks=True)
        for point in executioner.own_points():
            executioner.put_back(clean)
            executioner.kill_after(point)
            wrong = executioner.worker.ask(violations)
            found.update({sentence.partition(":")[0] for sentence in wrong})

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(share, range(AT_ONCE)))
    sys.stdout.write(f"{found}\n")

    assert found.keys() >= broken
