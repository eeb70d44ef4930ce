"""A backup and a restore that are killed, raced and disturbed (CM-10)."""

import os
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import backups
from tests.lab.conftest import Start
from tests.lab.postgres import copy_of
from tests.lab.worker import Worker
from tests.thorough import rounds

pytestmark = pytest.mark.spec("CM-10")
KILLS = rounds(3, 40)


@pytest.fixture(scope="module")
def chance() -> random.Random:
    seed = int(os.environ.get("CRASH_SEED", random.SystemRandom().randrange(10**9)))
    sys.stdout.write(f"CRASH_SEED={seed}\n")
    return random.Random(seed)


@pytest.fixture(scope="module")
def file(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of an installation on SQLite."""
    folder = tmp_path_factory.mktemp("backup")
    shutil.copytree(installed, folder / "data", symlinks=True)
    with Worker(folder / "data") as worker:
        worker.ask(backups.fill)
        worker.ask(backups.make, str(folder / "file"))
    return folder / "file"


def test_a_killed_backup_leaves_no_half_file_under_its_name(
    worker: Worker, tmp_path: Path, chance: random.Random
) -> None:
    path = tmp_path / "one.ccxsec-backup"
    effects = worker.ask(backups.killed, "make", str(path), -1)
    assert worker.ask(backups.verified, str(path)) == []
    made = 0
    for point in points(chance, effects, last=8):
        path.unlink(missing_ok=True)
        worker.ask(backups.killed, "make", str(path), point)
        if path.exists():
            made += 1
            assert worker.ask(backups.verified, str(path)) == [], f"after effect {point}"

    worker.ask(backups.make, str(tmp_path / "two.ccxsec-backup"))
    assert made
    assert {p.name for p in tmp_path.iterdir()} <= {path.name, "two.ccxsec-backup"}
    assert worker.ask(backups.audit_problem) == ""


def points(chance: random.Random, effects: int, *, last: int) -> list[int]:
    """All of the last effects, where names and files change, and some of the others."""
    late = list(range(max(1, effects - last), effects + 1))
    early = range(1, late[0])
    return [*chance.sample(early, min(len(early), KILLS)), *late]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Worker]:
    """A place to restore into."""
    settings = {}
    if request.param == "postgresql":
        settings["DATABASE_URL"] = copy_of(request.getfixturevalue("postgres"))
    with Worker(tmp_path / "data", **settings) as worker:
        yield worker


def test_a_killed_restore_is_nothing_or_all_and_a_repetition_completes_it(
    empty: Worker, file: Path, chance: random.Random
) -> None:
    worker = empty
    effects = worker.ask(backups.killed, "restore", str(file), -1)
    whole, events = worker.ask(backups.content), worker.ask(backups.events)
    assert worker.ask(backups.state_of_restore) == {"is_there": True, "unfinished": False}
    candidates = points(chance, effects, last=14)
    for point in chance.sample(candidates, min(len(candidates), KILLS)):
        worker.ask(backups.wipe)
        worker.ask(backups.killed, "restore", str(file), point)
        state = worker.ask(backups.state_of_restore)
        if state["is_there"] and not state["unfinished"]:
            assert worker.ask(backups.restore, str(file)) == "backup.not-empty"
        else:
            assert worker.ask(backups.restore, str(file)) == ""
        where = f"after effect {point} of {effects}"
        assert worker.ask(backups.state_of_restore)["unfinished"] is False, where
        assert worker.ask(backups.content) == whole, where
        assert worker.ask(backups.events) == events, where
        assert worker.ask(backups.audit_problem) == "", where


def test_a_backup_under_writes_is_of_one_moment(start: Start, tmp_path: Path) -> None:
    with start() as writer, start() as worker:
        writer.tell(backups.replace_many, 15)
        writer.hear_until("begun")
        for number in range(6):
            path = str(tmp_path / f"{number}.ccxsec-backup")
            worker.ask(backups.make, path)
            assert worker.ask(backups.verified, path) == []


@pytest.mark.parametrize(
    ("first", "meanwhile", "left"),
    [
        ("tomcat of ccx1", "", []),
        ("tomcat of ccx1", "ipsec of ccx1", ["tomcat of ccx1, ipsec of ccx1"]),
        ("tomcat of ccx1", "tomcat of ccx1", ["tomcat of ccx1"]),  # its reason is the same
        ("", "tomcat of ccx1", ["tomcat of ccx1"]),
    ],
)
def test_the_reminder_closes_only_for_what_the_backup_holds(
    worker: Worker, first: str, meanwhile: str, left: list[str]
) -> None:
    open_now = worker.ask(backups.back_up_while_reminded, first, meanwhile)

    assert open_now == [f"Newer than the last backup: {reason}." for reason in left]


def test_a_damaged_backup_leaves_nothing_behind(empty: Worker, file: Path, tmp_path: Path) -> None:
    spoiled, worker = tmp_path / "spoiled", empty
    data = bytearray(file.read_bytes())
    data[-30] ^= 1
    spoiled.write_bytes(data)

    assert worker.ask(backups.restore, str(spoiled)) == "backup.changed"

    assert worker.ask(backups.state_of_restore) == {"is_there": False, "unfinished": False}
    assert worker.ask(backups.restore, str(file)) == ""


def test_a_cancelled_run_keeps_nothing(worker: Worker) -> None:
    said = worker.ask(backups.run_cancelled)

    assert said == {"state": "cancelled", "files": [], "said": "Cancelled; nothing was kept."}
