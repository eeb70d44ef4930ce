"""A server that is full, closed, gone, replaced or slow: a sentence, and nothing half-written."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.bulk.line import line_to
from tests.bulk.small_disk import KIB, fill, small_disk
from tests.lab.exchange import acts
from tests.lab.exchange.clusters import Cluster, Exchange
from tests.lab.exchange.directory import leftovers, whole
from tests.lab.exchange.forging import forged, many, signers_of
from tests.ssh_server import SshServer

pytestmark = pytest.mark.spec("BK-5")

Fault = Callable[[Exchange], AbstractContextManager[object]]


@contextmanager
def full(pair: Exchange) -> Iterator[None]:
    """What is there stays; nothing more fits, not even a lock."""
    files = pair.files
    with small_disk(pair.directory, size=512 * KIB, user=pair.server.user) as disk:
        for name, content in files.items():
            pair.put(name, content)
        fill(disk)
        yield
        assert whole({name: pair.files[name] for name in files}) == whole(files)


@contextmanager
def read_only(pair: Exchange) -> Iterator[None]:
    pair.directory.chmod(0o500)
    try:
        yield
    finally:
        pair.directory.chmod(0o755)


@contextmanager
def closed(pair: Exchange) -> Iterator[None]:
    pair.directory.chmod(0)
    try:
        yield
    finally:
        pair.directory.chmod(0o755)


@contextmanager
def gone(pair: Exchange) -> Iterator[None]:
    moved = pair.directory.with_name("moved")
    pair.directory.rename(moved)
    try:
        yield
    finally:
        moved.rename(pair.directory)


@contextmanager
def stopped(pair: Exchange) -> Iterator[None]:
    pair.server.stop()
    try:
        yield
    finally:
        pair.server.start()


FAULTS: list[tuple[Fault, str, str]] = [
    (full, "export", "The disk of .* is full"),
    (full, "consolidate", "The disk of .* is full"),
    (read_only, "export", "denied"),
    (read_only, "consolidate", "denied"),
    (closed, "export", "does not let this user|denied"),
    (closed, "look", "does not let this user|denied"),
    (gone, "export", "has no directory"),
    (gone, "consolidate", "has no directory"),
    (gone, "look", "has no directory"),
    (stopped, "export", "can't be reached"),
    (stopped, "look", "can't be reached"),
]


@pytest.mark.parametrize(("fault", "kind", "told"), FAULTS)
def test_the_run_ends_with_a_sentence_and_the_next_one_succeeds(
    fault: Fault, kind: str, told: str, vienna: Cluster, pair: Exchange
) -> None:
    words = ["all"] if kind == "export" else []
    before, content = pair.files, vienna.ask(acts.content)

    with fault(pair):
        ended = vienna.run(kind, *words)
        page = vienna.ask(acts.page)

    assert ended["state"] == "failed", ended
    assert re.search(told, ended["said"][-1]), ended
    assert page["trouble"] == ended["said"][-1]
    assert whole(pair.files) == whole(before)
    assert vienna.ask(acts.content) == content
    assert vienna.do(kind, *words)
    assert leftovers(pair.files) == []
    assert vienna.ask(acts.page)["trouble"] == ""


@contextmanager
def other_host_key(server: SshServer) -> Iterator[str]:
    """The server shows another key, as if somebody sat in between; its fingerprint."""
    kept = {name: (server.base / name).read_bytes() for name in ("host_key", "host_key.pub")}
    server.stop()
    server.make_key("host_key")
    server.start()
    try:
        yield server.fingerprint
    finally:
        server.stop()
        for name, content in kept.items():
            (server.base / name).write_bytes(content)
        server.start()


def test_another_host_key_stops_everything_until_somebody_decides(
    vienna: Cluster, pair: Exchange, sftp_server: SshServer
) -> None:
    with other_host_key(sftp_server) as offered:
        logins = sftp_server.log.count("Accepted")
        ended = vienna.run("export", "all")
        page = vienna.ask(acts.page)
        refused = [vienna.run(kind)["code"] for kind in ("survey", "consolidate", "look")]

        assert ended["state"] == "failed"
        assert f"shows the host key {offered}, not the pinned one" in ended["said"][-1]
        assert page["alarm"] == offered
        assert set(refused) == {"exchange.host-key"}
        assert sftp_server.log.count("Accepted") == logins
        assert "userauth" not in sftp_server.log.rpartition("Server listening")[2]
    vienna.ask(acts.keep_the_host_key)
    assert vienna.do("export", "all")


def test_a_slow_server_is_left_at_once_when_somebody_cancels(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    name, content = forged(vienna.identity["id"], signers_of(vienna), many(400))
    pair.put(name, content)
    vienna.do("consolidate")
    before = oslo.ask(acts.content)
    with line_to(pair.server.port, rate=60_000) as line:
        pair.connect(oslo, port=line.port)
        before = oslo.ask(acts.content)
        line.passed.update(up=0, down=0)
        oslo.worker.tell(acts.work_off_until_cancelled, oslo.ask(acts.ask, "look"))
        wait_for(lambda: line.passed["down"] > 40_000)
        line.rate = 1000
        (oslo.data / "cancel").touch()
        ended = oslo.worker.hear()
        passed = line.passed["down"]

    assert ended["state"] == "cancelled", ended
    assert "nothing was changed" in ended["said"][-1]
    assert passed < len(content)
    assert oslo.ask(acts.content) == before
    pair.connect(oslo)
    assert "400 new" in oslo.do("look")


def wait_for(is_true: Callable[[], bool], seconds: float = 30) -> None:
    """For what another process does; how long that takes is not judged."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
