"""Another node over SSH, with a real OpenSSH server: what is intended here is in force there."""

import os
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.utils import timezone

from certificates import jobs
from certificates.access import Actor
from certificates.models import Deployment, Event, Job, Node, Purpose, Secret, Service
from certificates.operations import (
    check,
    contact,
    deploy,
    generate,
    keep_host_key,
    pin_host_key,
    save_place,
    save_reach,
)
from certificates.operations.deploy_rounds import sweep_other_servers
from certificates.operations.reach import Place
from certificates.refusal import Refused
from certificates.web_server import tls_context
from certificates.x509.policy import KeyChoice
from tests.conftest import NOW
from tests.ssh_server import SshServer, ssh_server

pytestmark = [pytest.mark.django_db, pytest.mark.spec("CM-14")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server() as running:
        yield running


Reach = Callable[..., Node]


@pytest.fixture
def reach(node: Node, actor: Actor, server: SshServer, tmp_path: Path) -> Reach:
    """Make a second node that is reached over SSH, its host key pinned."""

    def call(at: SshServer = server, *, pin: bool = True, **secret: str) -> Node:
        other = Node.objects.create(host_name="ccx2.example.com", addresses=["127.0.0.1"])
        first = {"replacing": "", "actor": actor, "now": NOW}
        for purpose in Purpose.own():
            generate(other, purpose, key=KeyChoice.EC_P256, **first)  # type: ignore[arg-type]
        save_reach(
            other,
            reach="ssh",
            ssh_host="127.0.0.1",
            ssh_port=at.port,
            ssh_user=at.user,
            actor=actor,
            **(secret or {"private_key": at.key}),
        )
        for service in Service:
            folder = f"{at.home}/{tmp_path.name}/{service}"
            save_place(other, service, Place(folder=folder), actor=actor)
        if pin:
            pin_host_key(other, fingerprint=at.fingerprint, actor=actor)
        return other

    return call


def put(node: Node, actor: Actor, **choices: bool) -> str:
    return deploy(node, Service.TOMCAT, actor=actor, now=timezone.now(), **choices)


def store_on(node: Node) -> Path:
    return Path(Deployment.objects.get(node=node, service="tomcat").folder)


@pytest.mark.parametrize("secret", ["password", "private_key"])
def test_a_new_node_holds_its_certificate_and_key(
    reach: Reach, actor: Actor, server: SshServer, secret: str
) -> None:
    if secret == "password" and os.geteuid():
        pytest.skip("a password needs a user that root has made")
    other = reach(password=server.password) if secret == "password" else reach()

    said = put(other, actor)

    current = store_on(other) / "current"
    assert "is in the store of ccx2.example.com" in said
    assert tls_context(current)
    assert (current / "key.pem").stat().st_mode & 0o777 == 0o600
    assert current.resolve().stat().st_mode & 0o777 == 0o700
    assert current.resolve().owner() == server.user
    own = other.certificates.active().get(purpose="tomcat")
    assert (current / "cert.pem").read_bytes() == own.pem
    assert Deployment.objects.get(node=other, service="tomcat").is_in_force


def test_pinning_queues_what_the_node_should_hold(reach: Reach, actor: Actor) -> None:
    other = reach()

    for job in Job.objects.filter(kind="deploy", target__endswith="ccx2.example.com"):
        jobs.run(job.pk)

    assert Deployment.objects.filter(node=other).out_of_date().count() == 0


def test_a_second_time_writes_nothing_and_reads_no_key(reach: Reach, actor: Actor) -> None:
    other = reach()
    put(other, actor)
    before = Event.objects.count()

    assert "already" in put(other, actor)
    assert Event.objects.count() == before


def test_nothing_is_said_before_the_key_is_pinned(
    reach: Reach, actor: Actor, server: SshServer
) -> None:
    other = reach(pin=False)
    logins = server.log.count("Accepted")

    with pytest.raises(Refused) as refusal:
        put(other, actor)
    offered = contact(other, actor=actor)

    assert refusal.value.code == "node.unpinned"
    assert offered.fingerprint == server.fingerprint
    assert server.log.count("Accepted") == logins


def test_only_the_fingerprint_that_is_shown_is_pinned(reach: Reach, actor: Actor) -> None:
    other = reach(pin=False)

    with pytest.raises(Refused) as refusal:
        pin_host_key(other, fingerprint="SHA256:" + "A" * 43, actor=actor)

    assert refusal.value.code == "host-key.other"
    assert not Node.objects.get(pk=other.pk).host_key


def test_a_changed_host_key_stops_everything_until_somebody_decides(
    reach: Reach, actor: Actor, tmp_path: Path
) -> None:
    with ssh_server() as own:
        other = reach(own)
        put(other, actor)
        first = own.fingerprint
        own.stop()
        (own.base / "host_key").rename(own.base / "former")
        own.make_key("host_key")
        own.start()
        logins = own.log.count("Accepted")

        codes = []
        for _ in range(2):
            with pytest.raises(Refused) as refusal:
                put(Node.objects.get(pk=other.pk), actor)
            codes.append(refusal.value.code)

        other.refresh_from_db()
        assert codes == ["node.host-key", "node.host-key"]
        assert other.host_key_alarm == own.fingerprint != first
        assert own.log.count("Accepted") == logins
        assert own.log.count("Failed") == 0
        assert Event.objects.filter(action="node:host-key-changed").count() == 1

        keep_host_key(other, actor=actor)
        with pytest.raises(Refused):
            put(other, actor)
        other.refresh_from_db()
        pin_host_key(other, fingerprint=own.fingerprint, actor=actor)
        assert "already" in put(other, actor)


def test_a_wrong_password_is_said_without_it(reach: Reach, actor: Actor) -> None:
    other = reach(password="not-the-password")

    with pytest.raises(Refused) as refusal:
        put(other, actor)

    assert refusal.value.code == "node.login"
    assert "not-the-password" not in str(refusal.value)
    assert "refuses this password" in Deployment.objects.get(node=other, service="tomcat").trouble


def test_the_secret_is_sealed_and_kept_when_left_empty(
    reach: Reach, actor: Actor, server: SshServer
) -> None:
    other = reach()
    sealed = Secret.objects.get(name=other.ssh_secret)

    save_reach(
        other,
        reach="ssh",
        ssh_host="127.0.0.1",
        ssh_port=server.port,
        ssh_user=server.user,
        actor=actor,
    )

    assert b"PRIVATE" not in bytes(sealed.sealed)
    assert Secret.objects.get(name=other.ssh_secret).sealed == sealed.sealed
    assert Node.objects.get(pk=other.pk).host_key
    assert "as version" in put(other, actor)


def test_a_node_that_is_down_is_tried_again_later_and_later(reach: Reach, actor: Actor) -> None:
    other = reach()
    Node.objects.filter(pk=other.pk).update(ssh_port=1)
    other.refresh_from_db()
    now = timezone.now()

    with pytest.raises(Refused) as refusal:
        put(other, actor)

    place = Deployment.objects.get(node=other, service="tomcat")
    assert refusal.value.code == "node.no-answer"
    assert place.failures == 1
    assert place.retry_at
    assert place.retry_at > now
    Job.objects.all().delete()
    assert sweep_other_servers(now=now) == 1  # the ipsec store; tomcat's waits
    assert sweep_other_servers(now=place.retry_at) == 1


def test_a_change_by_hand_is_no_failure_of_the_sweep(
    reach: Reach, actor: Actor, server: SshServer
) -> None:
    other = reach()
    put(other, actor)
    Deployment.objects.filter(node=other, service="tomcat").update(checked_at=None)
    with (store_on(other) / "current" / "chain.pem").open("ab") as file:
        file.write(b"# by hand\n")
    Job.objects.all().delete()

    sweep_other_servers(now=timezone.now())
    job = jobs.run(Job.objects.get(target__startswith="tomcat").pk)

    assert job
    assert job.state == "done"
    assert "changed by hand" in job.messages[-1]
    assert check(other, Service.TOMCAT, actor=actor, now=timezone.now()).foreign
    assert "as version" in put(other, actor, overwrite=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_owner_and_group_are_as_the_service_says(
    reach: Reach, actor: Actor, tmp_path: Path, server: SshServer
) -> None:
    with ssh_server(user="root") as own:
        other = reach(own)
        folder = str(store_on(other))
        save_place(
            other,
            Service.TOMCAT,
            Place(folder=folder, owner=server.user, group="nogroup"),
            actor=actor,
        )
        put(other, actor)

        key = Path(folder) / "current" / "key.pem"
        assert (key.owner(), key.group()) == (server.user, "nogroup")
        assert key.stat().st_mode & 0o777 == 0o640
        assert Path(folder).stat().st_mode & 0o777 == 0o711  # its user may pass, not write
        key.chmod(0o600)
        found = check(other, Service.TOMCAT, actor=actor, now=timezone.now())
        assert found.foreign == ("key.pem has mode 600 instead of 640.",)


def test_files_that_can_not_be_given_away_leave_the_former_version(
    reach: Reach, actor: Actor
) -> None:
    other = reach()
    put(other, actor)
    folder = str(store_on(other))
    for owner in ("root", "no-such-user"):
        save_place(other, Service.TOMCAT, Place(folder=folder, owner=owner), actor=actor)
        with pytest.raises(Refused) as refusal:
            put(other, actor)
        assert refusal.value.code == "store.owner"
    assert tls_context(Path(folder) / "current")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_leaves_the_former_version_and_is_named(
    reach: Reach, actor: Actor, server: SshServer
) -> None:
    other = reach()
    put(other, actor)
    store = store_on(other)
    with small_disk(store, server.user) as filler:
        put(other, actor)
        before = (store / "current").readlink()
        filler.write_bytes(b"x" * (512 * 1024))
        own = other.certificates.active().get(purpose="tomcat")
        generate(
            other,
            Purpose.TOMCAT,
            key=KeyChoice.EC_P256,
            replacing=own.fingerprint,
            actor=actor,
            now=NOW,
        )
        with pytest.raises(Refused) as refusal:
            put(other, actor)

        assert refusal.value.code == "store.full"
        assert (store / "current").readlink() == before
        assert tls_context(store / "current")
        filler.unlink()
        assert "as version" in put(other, actor)


@contextmanager
def small_disk(store: Path, user: str) -> Iterator[Path]:
    """A tmpfs over an empty store; the path of a file that fills it."""
    options = f"size=256k,uid={user},mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(store)], check=True)

    class Filler(type(store)):  # type: ignore[misc] # a Path
        def write_bytes(self, data: bytes) -> int:
            with self.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(data[:1024])
                except OSError:
                    return 0

    try:
        yield Filler(store / "filler")
    finally:
        subprocess.run(["umount", "-l", str(store)], check=True)


def test_a_folder_that_can_not_be_written_is_a_sentence(
    reach: Reach, actor: Actor, server: SshServer
) -> None:
    other = reach()
    save_place(other, Service.TOMCAT, Place(folder="/proc/ccxsec/tomcat"), actor=actor)

    with pytest.raises(Refused) as refusal:
        put(other, actor)

    assert refusal.value.code == "store.unwritable"
    assert "/proc" in str(refusal.value)


def test_a_server_that_falls_silent_is_given_up(
    reach: Reach, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certificates.reach.ssh.LIMIT", 0.5)
    other = reach()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, says nothing
        Node.objects.filter(pk=other.pk).update(ssh_port=silent.getsockname()[1])
        other.refresh_from_db()

        with pytest.raises(Refused) as refusal:
            put(other, actor)

    assert refusal.value.code == "node.no-answer"


def test_the_weak_ciphers_are_not_spoken(reach: Reach, actor: Actor, tmp_path: Path) -> None:
    cbc = ssh_server(extra="Ciphers 3des-cbc,aes128-cbc")
    with cbc as weak, pytest.raises(Refused) as refusal:
        reach(weak)
    with ssh_server(extra="Ciphers aes128-ctr\nMACs hmac-sha1") as weak:
        other = Node.objects.get(host_name="ccx2.example.com")
        Node.objects.filter(pk=other.pk).update(ssh_port=weak.port)
        other.refresh_from_db()
        with pytest.raises(Refused) as second:
            contact(other, actor=actor)

    assert refusal.value.code == second.value.code == "node.no-answer"


def test_it_serves_what_was_deployed(reach: Reach, actor: Actor, openssl: str) -> None:
    """A server that reads the other node's store shows the certificate that is intended."""
    other = reach()
    put(other, actor)
    own = other.certificates.active().get(purpose="tomcat")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    current = store_on(other) / "current"
    context.load_cert_chain(current / "fullchain.pem", current / "key.pem")
    done = subprocess.run(
        [openssl, "x509", "-in", current / "cert.pem", "-noout", "-fingerprint", "-sha256"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split("=")[1].strip().replace(":", "").lower() == own.fingerprint
