"""What the tests of IPsec share: a daemon, a server with an address, and policies."""

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import vici
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import Node, Secret
from ipsec.kernel import KernelUnreadable
from ipsec.management import in_force
from ipsec.models import Policy, key_secret
from ipsec.operations import add_policy, state
from ipsec.policy.definition import Definition
from ipsec.policy.profiles import PROFILES, ProfileName
from tests.ipsec.charon import HERE, Charon, add_addresses, running
from tests.ipsec.recorded import Recorded, speaking

KEY = "a-good-key-1234"
THERE = "192.0.2.2"
WEB = Definition(group="web", name="a", source_address=HERE, destination_address=THERE)
LEGACY = PROFILES[ProfileName.UNIFIED_CCX].fields
Add = Callable[..., Policy]
Answers = Callable[[str], None]


@pytest.fixture(autouse=True)
def _no_daemon(settings: Settings, tmp_path: Path) -> None:
    """The machine's own daemon is never asked."""
    settings.CCXSEC_IPSEC_SOCKET = str(tmp_path / "none.vici")


@pytest.fixture
def add(node: Node, actor: Actor) -> Add:
    """Adds a policy like `WEB`, with differences."""

    def make(name: str = "a", *, enabled: bool = False, key: str = KEY, **fields: Any) -> Policy:
        definition = replace(WEB, name=name, **fields)
        everything = {"confirm.legacy", "confirm.overlap"}
        return add_policy(
            definition, preshared_key=key, enabled=enabled, confirmed=everything, actor=actor
        )

    return make


@pytest.fixture
def many(add: Add) -> Callable[[int], list[Policy]]:
    """So many enabled policies, each of another pair of hosts; written at once."""

    def make(count: int) -> list[Policy]:
        pattern = add("p-0")
        rows = [
            Policy(is_enabled=True, key_mark=pattern.key_mark, changed_by="test")
            for _ in range(count)
        ]
        for number, row in enumerate(rows, 1):
            there = f"198.51.{number // 256}.{number % 256}"
            row.define(replace(WEB, name=f"p-{number}", destination_address=there))
        made = Policy.objects.bulk_create(rows)
        pattern.delete()
        Secret.objects.all().filter(name=key_secret(pattern.pk)).delete()
        for row in made:
            Secret.objects.keep(key_secret(row.pk), KEY.encode())
        return list(Policy.objects.in_list_order())

    return make


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Charon]:
    """One daemon, on a server with the addresses `HERE` and `THERE`'s network."""
    with running(tmp_path_factory.mktemp("charon")) as charon:
        with charon.entered():
            add_addresses()
        yield charon


@pytest.fixture
def charon(daemon: Charon, settings: Settings) -> Iterator[Charon]:
    """The product's own daemon in this test, with nothing loaded; its kernel is this thread's."""
    settings.CCXSEC_IPSEC_SOCKET = str(daemon.socket)
    with daemon.entered():
        yield daemon
    with daemon.session() as session:
        forget_everything(session)


def forget_everything(session: vici.Session) -> None:
    for section in list(session.list_conns()):
        for name in section:
            session.unload_conn({"name": name})
    session.clear_creds()
    for section in list(session.list_sas()):
        for sa in section.values():
            list(session.terminate({"ike-id": sa["uniqueid"], "force": "yes", "timeout": "2000"}))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is there to negotiate with."""
    monkeypatch.setattr(in_force, "SETTLED", 0.0)


@pytest.fixture
def key_file(node: Node, settings: Settings, tmp_path: Path) -> str:
    settings.CCXSEC_CALLED_FROM = str(tmp_path)
    (tmp_path / "psk").write_text(f"{KEY}\n")
    return "psk"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What is typed on the terminal."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(f"{text}\n"))


@pytest.fixture
def told(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """A daemon that tells what is put in; the machine's own kernel holds nothing of it."""

    def unreadable() -> None:
        raise KernelUnreadable("ip: 2")

    monkeypatch.setattr(state, "installed_policies", unreadable)
    settings.CCXSEC_IPSEC_SOCKET = str(tmp_path / "told.vici")
    with speaking(tmp_path / "told.vici") as recorded:
        yield recorded
