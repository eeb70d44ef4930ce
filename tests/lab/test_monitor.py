"""Each certificate's notice in a period is sent once, and none is skipped for good (MO-4).

If a process dies between the server's acceptance and our record, the message comes once more,
with the same Message-ID and the same content.
"""

import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import NOW
from tests.lab.changes import install
from tests.lab.monitoring import run_killed, run_once, run_together, set_up
from tests.lab.postgres import copy_of, restartable_postgres
from tests.lab.worker import Worker
from tests.monitor.mail_server import Script, mail_server
from tests.thorough import rounds

pytestmark = pytest.mark.spec("MO-4")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
CERTIFICATES = 3
NAMES = [f"CA_{number}.pem" for number in range(CERTIFICATES)]
TO = ["a@example.com", "b@example.com"]
ENDS = [(NOW + timedelta(days=20, seconds=-number)).isoformat() for number in range(CERTIFICATES)]
EVERY = rounds(4, 1)  # how manieth point is tried
Run = tuple[Worker, Script]


@pytest.fixture
def running(
    database: str, request: pytest.FixtureRequest, tmp_path: Path, script: Script
) -> Iterator[Run]:
    """A worker with the monitor on, on each of the databases, and its mail server."""
    data, url = tmp_path / "data", ""
    if database == "sqlite":
        original = request.getfixturevalue("installed")
    else:
        original, template = request.getfixturevalue("installed_on_postgres")
        url = copy_of(template)
    shutil.copytree(original, data, symlinks=True)
    with mail_server(tmp_path, script, security="none") as port, start(data, port, url) as worker:
        worker.ask(set_up, ";".join(TO), ENDS)
        yield worker, script


@pytest.fixture
def script() -> Script:
    return Script()


def start(data: Path, port: int, url: str) -> Worker:
    settings = {"CCXSEC_SMTP_HOST": "127.0.0.1", "CCXSEC_SMTP_PORT": str(port)}
    settings |= {"CCXSEC_SMTP_SECURITY": "none"}
    return Worker(data, **settings, **({"DATABASE_URL": url} if url else {}))


def told(script: Script, name: str, address: str) -> Counter[str]:
    """Message-IDs that told an address of a certificate -> how often each came."""
    found: Counter[str] = Counter()
    for envelope in script.taken:
        if address in envelope.rcpt_tos and name.encode() in bytes(envelope.original_content):
            content = bytes(envelope.original_content)
            found[content.partition(b"Message-ID: ")[2].split()[0].decode()] += 1
    return found


def violations(script: Script, periods: int = 1) -> list[str]:
    """What MO-4 forbids, in all that the server took."""
    found = []
    contents = defaultdict(set)
    for envelope in script.taken:
        content = bytes(envelope.original_content)
        contents[content.partition(b"Message-ID: ")[2].split()[0]].add(content)
    found += [f"changed: {key!r}" for key, forms in contents.items() if len(forms) > 1]
    for name in NAMES:
        for address in TO:
            came = told(script, name, address)
            if len(came) < periods:
                found.append(f"never: {name} to {address}")
            if len(came) > periods:
                found.append(f"twice: {name} to {address} in {len(came)} messages")
            if max(came.values(), default=0) > 2:
                found.append(f"often: {name} to {address} {came}")
    return found


def moments(period: int) -> list[str]:
    """The beginning of a period, and later moments, each after any lease."""
    begin = NOW + period * DAY
    return [(begin + minutes * MINUTE).isoformat() for minutes in (0, 10, 20, 30)]


def test_four_workers_at_once_send_each_notice_once(running: Run) -> None:
    worker, script = running
    for period in range(5):
        outcomes = worker.ask(run_together, moments(period)[0], 4, 3)
        assert set(outcomes) == {"done"}

        assert violations(script, period + 1) == []
        assert len(script.taken) == period + 1


def test_killed_at_any_point_it_sends_once_or_once_more_with_the_same_id(running: Run) -> None:
    worker, script = running
    point, period, repeated = 0, 0, 0
    pattern = ""
    while True:
        point += EVERY
        script.taken.clear()
        first, *later = moments(period)
        if not was_killed(worker, first, point):
            break
        for moment in later:
            assert worker.ask(run_once, moment) == "done"

        assert violations(script) == [], f"killed after effect {point}"
        repeated += len(script.taken) > 1
        pattern += str(len(script.taken))
        period += 1

    sys.stdout.write(f"{period} kills, {repeated} repetitions: {pattern}\n")
    assert period > 10
    assert repeated >= 1  # some were killed in the moment that nobody can know about


def was_killed(worker: Worker, moment: str, point: int, kind: str = "") -> bool:
    """False: it came to its end before that point."""
    heard = worker.ask(run_killed, moment, point, kind)
    if "effects" in heard:
        heard = worker.hear()
    return bool(heard["signal"])


@pytest.mark.parametrize(
    ("kind", "broken"), [("marks first", {"never"}), ("marks last", {"twice"})]
)
@pytest.mark.parametrize("database", ["sqlite"])
def test_the_same_kills_break_careless_senders(running: Run, kind: str, broken: set[str]) -> None:
    worker, script = running
    found: set[str] = set()
    for period in range(60):
        script.taken.clear()
        first, *later = moments(period)
        if not was_killed(worker, first, period + 1, kind):
            break
        for moment in later:
            assert not was_killed(worker, moment, 0, kind)
        found |= {line.partition(":")[0] for line in violations(script)}

    assert found >= broken


def test_a_restart_of_the_database_loses_nothing(tmp_path: Path, script: Script) -> None:
    with (
        restartable_postgres() as (url, restart),
        mail_server(tmp_path, script, security="none") as port,
        start(tmp_path / "data", port, url) as worker,
    ):
        worker.ask(install)
        worker.ask(set_up, ";".join(TO), ENDS)
        restart()
        first, *later = moments(0)
        assert recovered(lambda: worker.ask(run_once, first)) == "done"
        assert violations(script) == []

        script.taken.clear()
        script.on_text = restart  # between the text and the server's answer
        first, *later = moments(1)
        assert worker.ask(run_once, first) != "done"
        for moment in later:
            assert worker.ask(run_once, moment) == "done"

        assert violations(script) == []
        assert len(script.taken) == 2


def recovered(run: Callable[[], str]) -> str:
    """The first try finds the connection gone."""
    outcome = run()
    return outcome if outcome == "done" else run()
