"""Deploy: the store equals the intent, by its content; nothing wrong comes into force."""

import sys
from functools import partial
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import Certificate, Deployment, Event, Node, Purpose, Service
from certificates.operations import deploy, generate
from certificates.operations.deploy_rounds import deploy_what_is_out_of_date
from certificates.refusal import Refused
from certificates.store import local_store
from certificates.web_server import check_pair, tls_context
from certificates.x509.policy import KeyChoice

pytestmark = pytest.mark.django_db


def put(node: Node, actor: Actor) -> str:
    return deploy(node, Service.TOMCAT, actor=actor, now=timezone.now())


@pytest.fixture
def store(node: Node, settings: Settings) -> Path:
    return Path(settings.CCXSEC_STORE) / "tomcat"


def regenerate(node: Node, actor: Actor) -> Certificate:
    current = node.certificates.active().get(purpose="tomcat")
    return generate(
        node,
        Purpose.TOMCAT,
        key=KeyChoice.EC_P256,
        replacing=current.fingerprint,
        actor=actor,
        now=timezone.now(),
    ).certificate


def test_writes_a_pair_that_a_server_can_use_for_its_user_alone(
    node: Node, actor: Actor, store: Path, tomcat: Certificate
) -> None:
    assert "as version 1" in put(node, actor)

    current = store / "current"
    assert (current / "cert.pem").read_bytes() == tomcat.pem
    assert tls_context(current)
    assert {path.name for path in current.iterdir()} == {
        "cert.pem",
        "chain.pem",
        "fullchain.pem",
        "key.pem",
        "keystore.p12",
        "keystore.password",
        "manifest.json",
        "trust.pem",
    }
    assert (current / "key.pem").stat().st_mode & 0o777 == 0o600
    assert current.resolve().stat().st_mode & 0o777 == 0o700
    assert Deployment.objects.get(node=node, service="tomcat").is_in_force


def test_a_second_time_changes_nothing_and_reads_no_key(
    node: Node, actor: Actor, store: Path
) -> None:
    put(node, actor)
    before = Event.objects.count(), (store / "current" / "key.pem").stat().st_mtime_ns

    assert "already" in put(node, actor)

    assert before == (Event.objects.count(), (store / "current" / "key.pem").stat().st_mtime_ns)


@pytest.mark.parametrize("name", ["cert.pem", "key.pem"])
def test_a_spoiled_store_is_healed_as_a_new_version(
    node: Node, actor: Actor, store: Path, tomcat: Certificate, name: str
) -> None:
    put(node, actor)
    (store / "current" / name).unlink()

    said = deploy_what_is_out_of_date(actor=actor, now=timezone.now())

    assert any("tomcat" in sentence and "as version 2" in sentence for sentence in said)
    assert (store / "current" / "cert.pem").read_bytes() == tomcat.pem
    assert tls_context(store / "current")


def test_a_store_that_is_gone_is_written_again(node: Node, actor: Actor, store: Path) -> None:
    put(node, actor)
    for path in (store / "current", *(store / "versions" / "1").iterdir()):
        path.unlink()

    deploy_what_is_out_of_date(actor=actor, now=timezone.now())

    assert tls_context(store / "current")


def test_a_database_from_a_backup_is_put_in_force_over_a_newer_store(
    node: Node, actor: Actor, store: Path, tomcat: Certificate
) -> None:
    put(node, actor)
    Deployment.objects.filter(service="tomcat").update(generation=7)
    put(node, actor)
    Deployment.objects.filter(service="tomcat").update(generation=1, in_force=1)

    put(node, actor)

    assert (store / "current").readlink().name == "8"
    assert (store / "current" / "cert.pem").read_bytes() == tomcat.pem


def test_never_back_to_an_older_generation(node: Node, actor: Actor, store: Path) -> None:
    put(node, actor)
    regenerate(node, actor)
    put(node, actor)

    assert not local_store(store).publish(1, {"key.pem": b"x"})
    assert (store / "current").readlink().name == "2"


def test_a_key_that_is_not_its_own_never_comes_into_force(
    node: Node, actor: Actor, store: Path, tomcat: Certificate
) -> None:
    put(node, actor)
    made = regenerate(node, actor)
    Certificate.objects.filter(pk=made.pk).update(private_key=tomcat.private_key)

    with pytest.raises(Refused) as refusal:
        put(node, actor)

    assert refusal.value.code == "key.mismatch"
    assert (store / "current").readlink().name == "1"


def test_what_can_not_be_served_leaves_the_former_one(
    node: Node, actor: Actor, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(node, actor)
    regenerate(node, actor)

    spoiled = partial(check_pair, b"no certificate")
    monkeypatch.setattr(sys.modules[deploy.__module__], "check_pair", lambda _, key: spoiled(key))
    with pytest.raises(Refused) as refusal:
        put(node, actor)

    assert refusal.value.code == "certificate.unusable"
    assert (store / "current").readlink().name == "1"


def test_leftovers_of_dead_writers_and_old_versions_go(
    node: Node, actor: Actor, store: Path
) -> None:
    put(node, actor)
    (store / "versions" / ".new-dead").mkdir()
    (store / ".new-file").write_text("x")
    for _ in range(4):
        regenerate(node, actor)
        put(node, actor)

    assert sorted(path.name for path in (store / "versions").iterdir()) == ["3", "4", "5"]
    assert not list(store.glob(".new*"))


def test_a_store_that_cannot_be_written_is_a_sentence(
    node: Node, actor: Actor, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    settings.CCXSEC_STORE = tmp_path / "file"

    with pytest.raises(Refused, match="can't be written") as refusal:
        put(node, actor)
    others = deploy_what_is_out_of_date(actor=actor, now=timezone.now())

    assert refusal.value.code == "store.unwritable"
    assert len(others) == 2  # one refusal for each service; neither stops the other


@pytest.mark.spec("CM-14")
def test_another_node_is_not_written_to(node: Node, actor: Actor) -> None:
    other = Node.objects.create(host_name="ccx2.example.com")

    with pytest.raises(Refused) as refusal:
        put(other, actor)

    assert refusal.value.code == "node.unreachable"
