"""What somebody changed in a store by hand is seen, shown, and left until it may be overwritten."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import Certificate, Deployment, Event, Node, Service
from certificates.operations import check, deploy
from certificates.operations.deploy_rounds import deploy_what_is_out_of_date
from certificates.refusal import Refused
from tests.certificates.test_deploy import regenerate

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(node: Node, actor: Actor, settings: Settings) -> Path:
    """The folder of the local tomcat store, with version 1 in force."""
    put(node, actor)
    return Path(settings.CCXSEC_STORE) / "tomcat"


def put(node: Node, actor: Actor, *, overwrite: bool = False) -> str:
    now = timezone.now()
    return deploy(node, Service.TOMCAT, overwrite=overwrite, actor=actor, now=now)


def edit(store: Path) -> None:
    with (store / "current" / "chain.pem").open("ab") as file:
        file.write(b"# added by hand\n")


def widen(store: Path) -> None:
    (store / "current" / "key.pem").chmod(0o644)


def point_elsewhere(store: Path) -> None:
    (store / "elsewhere").mkdir()
    (store / "current").unlink()
    (store / "current").symlink_to("elsewhere")


def put_own_files(store: Path) -> None:
    """An operator's own folder under a number of ours."""
    folder = store / "versions" / "1"
    (folder / "manifest.json").unlink()
    (folder / "cert.pem").write_text("another certificate")


@pytest.mark.parametrize(
    ("by_hand", "said"),
    [
        (edit, "chain.pem was changed"),
        (widen, "key.pem has mode 644 instead of 600"),
        (point_elsewhere, "points to 'elsewhere'"),
        (put_own_files, "not written by this product"),
    ],
)
def test_a_change_by_hand_is_shown_and_left(
    node: Node, actor: Actor, store: Path, by_hand: Callable[[Path], None], said: str
) -> None:
    by_hand(store)

    with pytest.raises(Refused) as refusal:
        put(node, actor)
    found = check(node, Service.TOMCAT, actor=actor, now=timezone.now())

    assert refusal.value.code == "store.drift"
    assert said in str(refusal.value)
    assert said in " ".join(found.foreign)
    assert said in " ".join(Deployment.objects.get(node=node, service="tomcat").differs)
    assert not (store / "versions" / "2").exists()


def test_a_sweep_tells_a_change_once_and_writes_its_event_once(
    node: Node, actor: Actor, store: Path
) -> None:
    deploy_what_is_out_of_date(actor=actor, now=timezone.now())
    edit(store)

    first = deploy_what_is_out_of_date(actor=actor, now=timezone.now())
    second = deploy_what_is_out_of_date(actor=actor, now=timezone.now())

    assert ["chain.pem was changed" in line for line in first] == [True]
    assert second == []
    assert Event.objects.filter(action="store:changed-by-hand").count() == 1


def test_also_a_newer_certificate_waits_for_the_word(
    node: Node, actor: Actor, store: Path, tomcat: Certificate
) -> None:
    edit(store)
    regenerate(node, actor)

    with pytest.raises(Refused, match="changed by hand"):
        put(node, actor)

    assert (store / "current" / "cert.pem").read_bytes() == tomcat.pem


def test_overwriting_puts_the_intent_in_force_and_keeps_the_changed_version(
    node: Node, actor: Actor, store: Path
) -> None:
    edit(store)

    assert "as version 2" in put(node, actor, overwrite=True)

    place = Deployment.objects.get(node=node, service="tomcat")
    assert place.differs == []
    assert place.is_in_force
    assert (store / "versions" / "1" / "chain.pem").read_bytes().startswith(b"# added by hand")
    assert Event.objects.filter(action="store:overwrite").count() == 1
    assert check(node, Service.TOMCAT, actor=actor, now=timezone.now()).is_in_force


def test_a_pair_that_no_server_can_use_is_replaced_at_once(
    node: Node, actor: Actor, store: Path
) -> None:
    (store / "current" / "key.pem").write_text("spoiled")

    said = deploy_what_is_out_of_date(actor=actor, now=timezone.now())

    assert any("as version 2" in line for line in said)


def test_a_store_of_a_version_without_manifests_is_taken_over(
    node: Node, actor: Actor, store: Path
) -> None:
    for name in ("manifest.json", "keystore.p12", "keystore.password"):
        (store / "current" / name).unlink()

    assert "as version 2" in put(node, actor)


def test_a_check_writes_nothing_and_says_what_a_deploy_would_bring(
    node: Node, actor: Actor, store: Path
) -> None:
    regenerate(node, actor)

    found = check(node, Service.TOMCAT, actor=actor, now=timezone.now())

    assert found.foreign == ()
    assert found.behind == ("It holds version 1, version 2 is intended.",)
    assert (store / "current").readlink().name == "1"
