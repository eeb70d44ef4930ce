"""A store in which somebody has left what he liked: no trace, no harm, nothing believed."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from django_q.models import Schedule
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import Deployment, Node, Service
from certificates.operations import check, deploy, save_place
from certificates.operations.deploy_rounds import deploy_what_is_out_of_date
from certificates.operations.reach import Place
from certificates.reach.files import LocalFiles, Rights
from certificates.refusal import Refused
from certificates.store import Store
from certificates.tasks import upkeep
from certificates.web_server import tls_context
from tests.certificates.test_deploy import regenerate

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(node: Node, actor: Actor, settings: Settings) -> Path:
    """The local tomcat store, version 1 in force."""
    put(node, actor)
    return Path(settings.CCXSEC_STORE) / "tomcat"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that everybody may pass, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="ccxsec-open-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def put(node: Node, actor: Actor, *, overwrite: bool = False) -> str:
    now = timezone.now()
    return deploy(node, Service.TOMCAT, overwrite=overwrite, actor=actor, now=now)


def found(node: Node, actor: Actor) -> str:
    looked = check(node, Service.TOMCAT, actor=actor, now=timezone.now())
    assert not looked.behind
    return " ".join(looked.foreign)


def point(store: Path, target: str) -> None:
    (store / "current").unlink()
    (store / "current").symlink_to(target)


@pytest.mark.parametrize(
    "target",
    [
        "versions/9223372036854775805",
        "versions/01",
        "versions/../versions/1",
        "versions/\u0661",
        "1",
        "/etc",
    ],
)
def test_a_link_that_is_not_exactly_ours_is_shown_and_never_counted(
    node: Node, actor: Actor, store: Path, target: str
) -> None:
    point(store, target)

    said = found(node, actor)
    with pytest.raises(Refused):
        put(node, actor)
    put(node, actor, overwrite=True)

    assert "points to" in said
    assert Deployment.objects.get(service="tomcat").generation < 10
    assert tls_context(store / "current")


def test_a_number_without_a_manifest_of_ours_is_never_adopted(
    node: Node, actor: Actor, store: Path
) -> None:
    (store / "versions" / "1").rename(store / "versions" / "999999999999")
    point(store, "versions/999999999999")

    assert "manifest" in found(node, actor) or "not written" in found(node, actor)
    put(node, actor, overwrite=True)
    regenerate(node, actor)
    put(node, actor)

    assert Deployment.objects.get(service="tomcat").generation < 10
    assert tls_context(store / "current")


@pytest.mark.parametrize(
    "manifest",
    [
        '"abc"',
        "1",
        "null",
        "[" * 200_000,
        json.dumps({"code": "\ud800", "sha256": {}, "owner": [-1, -1], "generation": 1}),
        json.dumps({"code": "", "sha256": [], "owner": {}, "generation": 1}),
        "",
    ],
    ids=range(7),
)
def test_a_manifest_of_any_form_stops_nothing(
    node: Node, actor: Actor, store: Path, manifest: str
) -> None:
    (store / "current" / "manifest.json").write_text(manifest)

    assert "not written by this product" in found(node, actor)
    deploy_what_is_out_of_date(actor=actor, now=timezone.now())
    upkeep()
    assert "as version 2" in put(node, actor, overwrite=True)


def test_a_removed_manifest_hides_no_change(node: Node, actor: Actor, store: Path) -> None:
    (store / "current" / "manifest.json").unlink()
    with (store / "current" / "chain.pem").open("a") as file:
        file.write("# by hand\n")

    assert "not written by this product" in found(node, actor)


def test_a_file_far_too_large_is_not_read(
    node: Node, actor: Actor, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certificates.store.MOST_BYTES", 1 << 20)
    with (store / "current" / "trust.pem").open("ab") as file:
        file.truncate(3 << 30)
    (store / "current" / "another").write_bytes(b"x")

    assert found(node, actor) == "trust.pem can't be read, or is far too large."


def test_a_key_with_a_pass_phrase_asks_nobody_and_stays(
    node: Node, actor: Actor, store: Path, openssl: str
) -> None:
    key = store / "current" / "key.pem"
    command = [openssl, "genrsa", "-aes128", "-passout", "pass:abcdef", "-out", str(key), "2048"]
    subprocess.run(command, check=True, capture_output=True)
    key.chmod(0o600)

    assert found(node, actor) == "key.pem was changed."


@pytest.mark.parametrize("name", [".lock", "versions"])
def test_a_link_in_the_place_of_a_part_is_not_followed(
    node: Node, actor: Actor, store: Path, tmp_path: Path, name: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    if name == "versions":
        (store / name).rename(elsewhere)
        (elsewhere / "0").mkdir()
    else:
        (store / name).unlink()
    (store / name).symlink_to(elsewhere)
    regenerate(node, actor)

    with pytest.raises(Refused) as refusal:
        put(node, actor)

    assert refusal.value.code == "store.unwritable"
    assert elsewhere.exists() == (name == "versions")
    assert not elsewhere.exists() or (elsewhere / "0").exists()  # nothing was pruned there


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_the_reader_of_the_files_owns_no_folder_of_the_store(open_folder: Path) -> None:
    """Whoever owned one could exchange what the writer is about to give away."""
    store = Store(LocalFiles(), open_folder / "store", code_key=b"k", rights=Rights(65534, 65534))
    store.publish(1, {"key.pem": b"secret"})

    folders = [path for path in (open_folder / "store").rglob("*") if path.is_dir()]
    assert {(path.stat().st_uid, path.stat().st_mode & 0o777) for path in folders} == {(0, 0o711)}
    key = open_folder / "store" / "current" / "key.pem"
    assert (key.stat().st_uid, key.stat().st_mode & 0o777) == (65534, 0o640)


def readable_by_nobody(path: Path) -> bool:
    command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "cat", path]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_an_owner_that_is_set_later_really_can_read_or_it_is_said(
    node: Node,
    actor: Actor,
    settings: Settings,
    open_folder: Path,
) -> None:
    settings.CCXSEC_STORE = open_folder / "store"
    put(node, actor)
    save_place(node, Service.TOMCAT, Place(owner="nobody", group="nogroup"), actor=actor)
    put(node, actor)
    key = Path(settings.CCXSEC_STORE) / "tomcat" / "current" / "key.pem"

    assert readable_by_nobody(key)
    Path(settings.CCXSEC_STORE).chmod(0o700)
    regenerate(node, actor)
    with pytest.raises(Refused) as refusal:
        put(node, actor)
    assert refusal.value.code == "store.closed"
    assert str(settings.CCXSEC_STORE) in str(refusal.value)


def test_one_step_that_breaks_stops_no_other(
    node: Node, actor: Actor, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(**_: object) -> int:
        raise OverflowError("a bug")

    monkeypatch.setattr("certificates.tasks.sweep_other_servers", breaks)
    (store / "current").unlink()
    with pytest.raises(OverflowError):
        upkeep()

    assert (store / "current").readlink().name == "1"  # what came before it
    assert Schedule.objects.filter(name="certificate monitor").exists()  # and after it
