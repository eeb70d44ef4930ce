"""Restart commands: in order, one at a time, up to the first failure; whatever they do (CM-7)."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from certificates import jobs
from certificates.access import Actor
from certificates.locks import cluster_lock
from certificates.models import Event, Job, JobState, Node, Purpose, RestartNotice, Service
from certificates.operations import (
    acknowledge_restart,
    generate,
    request_restart,
    request_restarts,
    save_place,
)
from certificates.operations.reach import Place
from certificates.refusal import Refused
from certificates.x509.policy import KeyChoice
from tests.certificates.conftest import active
from tests.conftest import NOW
from tests.lab.reaching import reached_over_ssh
from tests.ssh_server import ssh_server

pytestmark = [pytest.mark.django_db, pytest.mark.spec("CM-7")]

Due = Callable[..., RestartNotice]


@pytest.fixture
def due(node: Node, actor: Actor) -> Due:
    """A restart of ipsec on the local node that is due, with this command."""

    def call(command: str, **choices: int) -> RestartNotice:
        place = Place(restart_command=command, **choices)  # type: ignore[arg-type]
        save_place(node, Service.IPSEC, place, actor=actor)
        renew(node, actor)
        return RestartNotice.objects.open().select_related("node").get(node=node, service="ipsec")

    return call


def renew(node: Node, actor: Actor) -> None:
    generate(
        node,
        Purpose.IPSEC,
        key=KeyChoice.EC_P256,
        replacing=active(node, Purpose.IPSEC).fingerprint,
        actor=actor,
        now=timezone.now(),
    )


def run(notice: RestartNotice, actor: Actor) -> Job:
    done = jobs.run(request_restart(notice, actor=actor).pk)
    assert done
    return done


def test_without_an_address_the_notice_waits_for_a_word_with_name_and_time(
    due: Due, actor: Actor
) -> None:
    notice = due("/bin/echo restarted by 'this product'")

    job = run(notice, actor)

    notice.refresh_from_db()
    assert job.state == JobState.DONE
    assert "  restarted by this product" in job.messages
    assert "acknowledge the notice" in job.messages[-1]
    assert notice.ran_at
    assert notice.closed_at is None
    acknowledge_restart(notice, actor=actor, now=NOW)
    notice.refresh_from_db()
    assert (notice.closed_by, notice.closed_at) == ("test", NOW)


def test_no_shell_reads_the_command(due: Due, actor: Actor, tmp_path: Path) -> None:
    trap = tmp_path / "trap"

    job = run(due(f"/bin/echo ; touch {trap} `touch {trap}` $HOME"), actor)

    assert not trap.exists()
    assert f"  ; touch {trap} `touch {trap}` $HOME" in job.messages


def test_the_command_gets_no_secret_of_the_product(
    due: Due, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCXSEC_SECRET_KEY", "a-secret-of-the-product")

    job = run(due("/usr/bin/env"), actor)

    assert "a-secret-of-the-product" not in str(job.messages)
    assert "PATH=" in str(job.messages)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/bin/false", "/bin/false on ccx1.example.com ended with status 1"),
        ("/no/such/program", "ended with status 127"),
        (f"{sys.executable} -c 'import os; os.abort()'", "ended with status -6"),
    ],
)
def test_a_command_that_fails_leaves_the_notice_open_and_its_output(
    due: Due, actor: Actor, command: str, said: str
) -> None:
    notice = due(command)

    job = run(notice, actor)

    notice.refresh_from_db()
    assert job.state == JobState.FAILED
    assert said in job.messages[-1]
    assert notice.closed_at is None
    assert notice.ran_at is None


def test_a_command_that_hangs_is_given_up_with_all_that_it_started(
    due: Due, actor: Actor, tmp_path: Path
) -> None:
    script = tmp_path / "hang"
    script.write_text(f"#!/bin/sh\nsleep 300 & echo $! > {tmp_path}/pid\nsleep 300\n")
    script.chmod(0o755)
    begun = time.monotonic()

    job = run(due(str(script), restart_limit=1), actor)

    assert job.state == JobState.FAILED
    assert "did not end within 1 seconds" in job.messages[-1]
    assert time.monotonic() - begun < 5
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not _is_alive(pid):
            break
        time.sleep(0.02)
    assert not _is_alive(pid)


def test_a_service_that_the_command_starts_goes_on(due: Due, actor: Actor, tmp_path: Path) -> None:
    script = tmp_path / "start"
    script.write_text(f"#!/bin/sh\nsleep 20 & echo $! > {tmp_path}/pid\necho started\n")
    script.chmod(0o755)
    begun = time.monotonic()

    job = run(due(str(script), restart_limit=10), actor)

    assert job.state == JobState.DONE, job.messages
    assert "  started" in job.messages
    assert time.monotonic() - begun < 5
    pid = int((tmp_path / "pid").read_text())
    assert _is_alive(pid)
    os.kill(pid, signal.SIGKILL)


def _is_alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"  # dead, and its new parent has not asked yet


def test_of_100_mb_of_output_the_end_is_kept(due: Due, actor: Actor) -> None:
    program = "import sys; [sys.stdout.write('x' * 99 + '\\n') for _ in range(10**6)]"
    job = run(due(f"{sys.executable} -c \"{program}; print('the end')\"", restart_limit=60), actor)

    assert job.state == JobState.DONE, job.messages[-3:]
    assert "  the end" in job.messages
    assert sum(map(len, job.messages)) < 64 * 1024


def test_hostile_output_is_shown_harmlessly(due: Due, actor: Actor, administrator: object) -> None:
    program = "import sys; sys.stdout.buffer.write(b'<b>\\\\xff\\\\x1b[31m')"
    job = run(due(f'{sys.executable} -c "{program}"'), actor)

    page = administrator.get(f"/admin/certificates/job/{job.pk}/").content.decode()  # type: ignore[attr-defined]

    assert "&lt;b&gt;" in page
    assert "\x1b" not in page


def test_publisher_first_then_the_others_up_to_the_first_failure(
    node: Node, actor: Actor, tmp_path: Path
) -> None:
    with ssh_server() as server:
        for name, command in (
            ("ccx2", f"/usr/bin/tee {server.home}/ccx2"),
            ("ccx3", "/bin/false"),
            ("ccx4", f"/usr/bin/tee {server.home}/ccx4"),
        ):
            other = reached_over_ssh(f"{name}.example.com", server, actor)
            folder = f"{server.home}/{name}-store"
            place = Place(folder=folder, restart_command=command)
            save_place(other, Service.IPSEC, place, actor=actor)
            generate(
                other, Purpose.IPSEC, key=KeyChoice.EC_P256, replacing="", actor=actor, now=NOW
            )
        save_place(node, Service.IPSEC, Place(restart_command="/bin/true"), actor=actor)
        renew(node, actor)
        due = RestartNotice.objects.open().in_restart_order().select_related("node")
        request_restarts(list(due.filter(service="ipsec")), actor=actor)

        ended = []
        while job := Job.objects.filter(kind="restart", state=JobState.QUEUED).first():
            done = jobs.run(job.pk)
            assert done
            ended.append(done.state)

        assert ended == [JobState.DONE, JobState.DONE, JobState.FAILED]
        assert (server.home / "ccx2").exists()
        assert not (server.home / "ccx4").exists()
    ran = RestartNotice.objects.open().exclude(ran_at=None)
    assert sorted(n.node.host_name for n in ran) == ["ccx1.example.com", "ccx2.example.com"]
    assert Event.objects.filter(action="restart:run").count() == 4


def test_a_command_on_another_server_is_quoted_and_limited(
    node: Node, actor: Actor, tmp_path: Path
) -> None:
    with ssh_server() as server:
        other = reached_over_ssh("ccx2.example.com", server, actor)
        generate(other, Purpose.IPSEC, key=KeyChoice.EC_P256, replacing="", actor=actor, now=NOW)
        said = []
        for command, limit in (
            ("/bin/echo 'a b' $HOME `id` ; false", 10),
            ("/bin/sleep 60", 1),
            ("/no/such/program", 10),
        ):
            place = Place(f"{server.home}/s", restart_command=command, restart_limit=limit)
            save_place(other, Service.IPSEC, place, actor=actor)
            renew(other, actor)
            notices = RestartNotice.objects.open().select_related("node")
            said.append(run(notices.get(node=other, service="ipsec"), actor).messages)

    assert "  a b $HOME `id` ; false" in said[0]
    assert "did not end within 1 seconds" in said[1][-1]
    assert "ended with status 127" in said[2][-1]


@contextmanager
def held_elsewhere(name: str) -> Iterator[None]:
    """The lock is held by a thread: it has a session of its own with the database."""
    is_held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        with cluster_lock(name, patience=0) as held:
            assert held
            is_held.set()
            is_over.wait(60)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(hold)
        assert is_held.wait(10)
        yield
        is_over.set()
        ended.result()


def test_two_at_once_are_one_after_the_other(due: Due, actor: Actor) -> None:
    notice = due("/bin/true")
    job = request_restart(notice, actor=actor)

    with held_elsewhere("restart"):
        done = jobs.run(job.pk)

    assert done
    assert done.state == JobState.FAILED
    assert "Another service is being restarted" in done.messages[-1]


@pytest.mark.parametrize(
    ("place", "code"),
    [
        (Place(restart_command="systemctl restart x"), "place.command"),
        (Place(restart_command="/bin/echo 'open"), "place.command"),
        (Place(restart_command="/bin/echo \u202e"), "place.command"),
        (Place(restart_limit=0), "place.limit"),
        (Place(restart_limit=151), "place.limit"),
        (Place(owner="99999999999999999999"), "place.account"),
        (Place(group="4294967295"), "place.account"),
        (Place(probe_port=0), "port"),
        (Place(probe_port=65536), "port"),
        (Place(owner="a b"), "place.account"),
        (Place(group="-R"), "place.account"),
        (Place(folder="/etc/ccxsec"), "place.folder"),
    ],
)
def test_settings_that_can_not_work_are_refused(
    node: Node, actor: Actor, place: Place, code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        save_place(node, Service.IPSEC, place, actor=actor)

    assert refusal.value.code == code


@pytest.mark.parametrize("folder", ["relative/path", "/", "/etc", "/etc/../x", "/etc//x", "/a/b/"])
def test_a_folder_that_can_not_be_is_refused(node: Node, actor: Actor, folder: str) -> None:
    other = Node.objects.create(host_name="ccx2.example.com")

    with pytest.raises(Refused) as refusal:
        save_place(other, Service.IPSEC, Place(folder=folder), actor=actor)

    assert refusal.value.code == "place.folder"
