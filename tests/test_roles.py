"""Roles that run by themselves: who watches whom, and what the service manager is told (MN-4)."""

import contextlib
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from ccxsec_project import cluster_watch, starting
from ccxsec_project.cluster_watch import ClusterWatch
from ccxsec_project.service_manager import ServiceManager
from certificates import jobs, tasks, web_server
from certificates.management.operator_command import Stopped
from certificates.models import Heartbeat, Node
from certificates.refusal import Refused
from certificates.web_server import AlreadyRunningError

pytestmark = pytest.mark.spec("MN-4")


class Told:
    """A watch whose cluster is no process, and whose queue is a list."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.started = 0
        self.is_reachable = True
        monkeypatch.setattr(jobs, "send", self._send)
        monkeypatch.setattr(jobs, "queue_answers", lambda: self.is_reachable)
        monkeypatch.setattr(cluster_watch.Child, "start", self._start)
        monkeypatch.setattr(cluster_watch.Child, "restart_if_ended", lambda _: False)
        self.watch = ClusterWatch()
        self.ran(seconds=1000)

    def ran(self, *, seconds: float) -> None:
        self.watch.cluster.started = time.monotonic() - seconds

    def _send(self, function: str, *_: int, name: str) -> bool:
        self.asked.append(name)
        return True

    def _start(self, *_: object) -> None:
        self.started += 1
        self.ran(seconds=0)

    def looked(self, seen: float | None) -> list[str]:
        """One look, when the cluster was seen so many seconds ago."""
        Heartbeat.objects.filter(name=self.watch.beat).delete()
        if seen is not None:
            at = timezone.now() - timedelta(seconds=seen)
            Heartbeat.objects.create(name=self.watch.beat, seen_at=at)
        self.asked.clear()
        self.watch._looked = 0
        self.watch.look_after()
        return self.asked


@pytest.fixture
def told(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Told:
    made = Told(monkeypatch)
    made.looked(0)  # the first round asks for upkeep
    return made


def test_a_cluster_is_asked_until_it_tells_and_restarted_when_it_never_does(told: Told) -> None:
    assert told.looked(10) == []
    assert told.looked(100) == ["sign of life"]
    assert told.started == 0
    told.looked(200)
    assert told.started == 1
    assert told.looked(200) == []  # it has only begun
    told.ran(seconds=1000)
    told.looked(None)
    assert told.started == 2


def test_a_limit_below_what_a_start_takes_restarts_nobody_again_and_again(told: Told) -> None:
    told.watch.limit = timedelta(seconds=6)
    for seen in (None, 3600):
        told.ran(seconds=20)
        told.looked(seen)  # it has not told since it was started
    assert told.started == 0

    told.looked(10)  # it has told once
    assert told.started == 1
    told.ran(seconds=40)
    told.looked(None)
    assert told.started == 2


def test_another_cluster_that_lives_does_not_hide_a_silent_one(told: Told) -> None:
    Heartbeat.objects.beat("worker", "worker other", now=timezone.now())

    told.looked(200)

    assert told.started == 1


def test_nobody_is_restarted_for_a_queue_that_is_away(told: Told) -> None:
    told.is_reachable = False
    assert told.looked(100) == []
    assert told.looked(500) == []
    told.is_reachable = True
    assert told.looked(500) == []  # it has time to tell from now on
    assert told.started == 0


@pytest.mark.django_db
def test_each_cluster_beats_for_itself_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tasks.CLUSTER, "abc")
    Heartbeat.objects.create(name="worker gone", seen_at=timezone.now() - timedelta(days=2))

    tasks.sign_of_life()
    tasks._remains(timezone.now())

    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"worker", "worker abc"}


@pytest.mark.django_db
def test_one_of_many_gets_the_turn_of_a_period() -> None:
    now, minute = timezone.now(), timedelta(minutes=1)

    def turns(at: timedelta) -> list[bool]:
        take = Heartbeat.objects.take_turn
        return [take("upkeep", every=minute, now=now + at) for _ in range(3)]

    assert turns(timedelta()) == [True, False, False]
    assert turns(timedelta(seconds=59)) == [False, False, False]
    assert turns(timedelta(seconds=61)) == [True, False, False]
    assert turns(-timedelta(days=1)) == [True, False, False]  # the clock was set back


def test_a_restore_waits_for_workers_and_they_for_it() -> None:
    with web_server.worker_runs(), web_server.worker_runs():
        with pytest.raises(AlreadyRunningError), web_server.reserved_alone():
            pass
        with web_server.reserved():  # a web server may run beside them
            pass
    with (
        web_server.reserved_alone(),
        pytest.raises(AlreadyRunningError),
        web_server.worker_runs(),
    ):
        pass


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.bind(str(tmp_path / "notify"))
        wire.settimeout(10)
        yield wire


def test_the_service_manager_hears_what_is_true(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    teller = ServiceManager()

    teller.is_ready()
    teller.is_alive()
    teller.is_alive()  # not again at once
    teller.is_stopping()

    assert [manager.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


@pytest.mark.parametrize(
    ("limit", "told"),  # in microseconds; after how many seconds
    [("60000000", [1, 32]), ("4000000", [1, 4, 7, 10]), ("", []), ("soon", [])],
)
def test_signs_of_life_come_twice_as_often_as_they_are_asked_for(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch, limit: str, told: list[int]
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", limit)
    now, heard, teller = 1_000, [], ServiceManager()
    monkeypatch.setattr("ccxsec_project.service_manager.time.monotonic", lambda: now)
    manager.setblocking(False)

    for second in range(1, 40 if limit == "60000000" else 12):
        now = 1_000 + second
        teller.is_alive()
        with contextlib.suppress(BlockingIOError):
            manager.recv(100)
            heard.append(second)

    assert heard == told


def test_without_a_service_manager_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    ServiceManager().is_ready()


@pytest.mark.django_db
def test_a_worker_runs_where_the_store_is(node: Node) -> None:
    starting.refuse_what_is_not_set_up(needs_store=False)
    with pytest.raises(Refused) as refusal:
        starting.refuse_what_is_not_set_up(needs_store=True)

    assert refusal.value.code == "store.missing"


@pytest.mark.django_db
def test_a_role_begins_on_no_other_version_of_the_database(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "waiting_migrations", lambda: True)
    with pytest.raises(Refused) as refusal:
        starting.refuse_what_is_not_set_up(needs_store=False)

    assert refusal.value.code == "setup.migrations"


def test_a_socket_is_for_a_proxy_that_is_believed(settings: Settings, tmp_path: Path) -> None:
    settings.CCXSEC_BIND = str(tmp_path / "web.sock")
    with pytest.raises(Stopped, match="CCXSEC_BEHIND_PROXY"):
        starting.listen()
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for _ in range(2):  # what a former process has left is replaced
        with starting.listen():
            mode = (tmp_path / "web.sock").stat().st_mode & 0o777

    assert mode == 0o660
