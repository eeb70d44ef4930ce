"""No moment, and no failure, in which the traffic of an enabled policy leaves in the clear."""

import os
import re
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import Secret
from ipsec.kernel import installed_policies
from ipsec.listener import Listener
from ipsec.models import key_secret
from ipsec.operations import apply, change_policy, delete_policies, standings
from ipsec.policy.choices import DhGroup, Encryption, Protocol
from ipsec.policy.terms import Connection, is_guard
from ipsec.standing import Leak
from ipsec.strongswan import Daemon, DaemonError
from tests.ipsec.charon import Charon, running
from tests.ipsec.conftest import THERE, Add, add_addresses

pytestmark = [pytest.mark.spec("IP-7"), pytest.mark.django_db(transaction=True)]
WEB: dict[str, Any] = {"protocol": Protocol.TCP, "destination_port": 443}
CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "phase two": ({"phase_two_dh": DhGroup.OFF}, ""),
    "phase one": ({"encryption": Encryption.AES_128_GCM}, ""),
    "key": ({}, "another-key-1"),
}
MARK = "203.0.113.9"
_OUT = re.compile(r"(Deleted )?(?:Updated )?src \S+ dst 192\.0\.2\.2/32.*\n\s+dir out")


@contextmanager
def watched() -> Iterator[list[str]]:
    """What becomes of the kernel's policies for what leaves: "gone" or "there", in order."""
    found: list[str] = []
    command = ["ip", "xfrm", "monitor", "policy"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as monitor:
        assert monitor.stdout
        while not select.select([monitor.stdout], [], [], 0.05)[0]:
            _mark("update")  # until it listens
        yield found
        _mark("delete")
        text = ""
        while f"Deleted src {MARK}" not in text:
            assert select.select([monitor.stdout], [], [], 5)[0], text
            text += os.read(monitor.stdout.fileno(), 65_536).decode()
        monitor.terminate()
    found += ["gone" if match[1] else "there" for match in _OUT.finditer(text)]


def _mark(verb: str) -> None:
    words = ["xfrm", "policy", verb, "src", MARK, "dst", MARK, "dir", "out"]
    subprocess.run(["ip", *words], check=True)


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_leaves_no_gap_in_the_kernel(
    what: str, charon: Charon, add: Add, actor: Actor
) -> None:
    fields, key = CHANGES[what]
    policy = add("web", enabled=True, **WEB)
    add("dns", enabled=True, protocol=Protocol.UDP, destination_port=53)
    apply(actor=actor)

    with watched() as seen:
        definition = replace(policy.definition, **fields)
        confirmed = {"confirm.legacy"}
        change_policy(
            policy, definition, preshared_key=key, with_pair=True, confirmed=confirmed, actor=actor
        )
        apply(actor=actor)

    assert seen
    assert "gone" not in seen
    assert str(apply(actor=actor)) == "The IKE daemon: nothing had to be changed."
    with Daemon.open() as daemon:
        assert len(daemon.connections()) == 1


def test_what_the_daemon_refuses_leaves_the_former_in_force(
    charon: Charon, add: Add, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = add("web", enabled=True, **WEB)
    [former] = apply(actor=actor).loaded
    change_policy(
        policy, replace(policy.definition, encryption=Encryption.AES_128_GCM), actor=actor
    )

    def refuse(self: Daemon, connection: Connection) -> None:
        raise DaemonError("daemon.refused", "The IKE daemon refused: no.", "Look at its log.")

    with monkeypatch.context() as patch:
        patch.setattr(Daemon, "load_connection", refuse)
        applied = apply(actor=actor)
    policy.refresh_from_db()

    assert applied.unloaded == applied.terminated == applied.uninstalled == []
    assert "refused" in applied.troubles["web/web"]
    assert standings([policy])[policy.pk].leak is not Leak.CLEAR
    assert apply(actor=actor).unloaded == [former]  # once it can be loaded


@pytest.mark.parametrize("what", ["gone", "changed"])
def test_a_key_that_cannot_be_opened_stops_no_other_policy(
    what: str, charon: Charon, add: Add, actor: Actor
) -> None:
    broken = add("web", enabled=True)
    add("dns", enabled=True, destination_address="192.0.2.9")
    Secret.objects.filter(name=key_secret(broken.pk)).delete()
    if what == "changed":
        Secret.objects.create(name=key_secret(broken.pk), sealed=b"x" * 80)

    Listener(threading.Event())._meet(timezone.now())
    applied = apply(actor=actor)

    assert list(applied.troubles) == ["web/web"]
    assert "key" in applied.troubles["web/web"]
    with Daemon.open() as daemon:
        [name] = [one for one in daemon.connections() if not is_guard(one)]
    assert "192.0.2.9" in name


def test_clearing_up_without_a_daemon_spares_what_another_policy_says_by_number(
    add: Add, actor: Actor, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["ipsec.operations.remains"]
    monkeypatch.setattr(module, "resolve", lambda names: {name: [THERE] for name in names})
    with running(tmp_path) as charon, charon.entered():
        settings.CCXSEC_IPSEC_SOCKET = str(charon.socket)
        add_addresses()
        add("number", enabled=True, **WEB)
        named = add("name", enabled=True, destination_address="peer.example.com", **WEB)
        apply(actor=actor)
        charon.kill()
        delete_policies([named], actor=actor)

        with pytest.raises(DaemonError):
            apply(actor=actor)

        assert [one for one in installed_policies() if one.direction == "out"]
