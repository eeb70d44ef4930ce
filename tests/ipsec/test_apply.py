"""`apply` against a real daemon: the difference alone, and nothing that is not ours (IP-7)."""

import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import Certificate, Node, Purpose, Secret
from certificates.x509.facts import read_facts
from certificates.x509.keys import new_key
from certificates.x509.names import Subject
from certificates.x509.policy import KeyChoice
from certificates.x509.self_signed import self_signed
from ipsec.kernel import installed_keys, installed_policies
from ipsec.models import Policy, Remains, key_secret
from ipsec.operations import apply, change_policy, delete_policies, set_enabled, standings
from ipsec.policy.choices import Authentication, DhGroup, Protocol
from ipsec.standing import Leak, Standing, Word
from ipsec.strongswan import Daemon, DaemonError
from tests.ipsec.charon import Charon, running
from tests.ipsec.conftest import HERE, THERE, Add, add_addresses

pytestmark = [pytest.mark.spec("IP-7"), pytest.mark.django_db(transaction=True)]
FOREIGN = {
    "version": "2",
    "local_addrs": [HERE],
    "remote_addrs": ["192.0.2.77"],
    "local": {"auth": "psk"},
    "remote": {"auth": "psk"},
    "children": {"theirs": {"mode": "transport", "start_action": "trap"}},
}


def loaded() -> set[str]:
    """The children that the daemon holds."""
    with Daemon.open() as daemon:
        return {child for one in daemon.connections().values() for child in one.children}


def traps() -> set[str]:
    with Daemon.open() as daemon:
        return {trap.child for trap in daemon.traps()}


def out() -> set[tuple[str, int]]:
    """Protocol and destination port of what the kernel holds on its way out."""
    return {
        (one.protocol, one.destination_port)
        for one in installed_policies()
        if one.direction == "out" and one.is_ipsec
    }


def test_what_is_right_stays_and_only_the_difference_is_ordered(
    charon: Charon, add: Add, actor: Actor
) -> None:
    web = add("web", enabled=True, protocol=Protocol.TCP, destination_port=443)
    dns = add("dns", enabled=True, protocol=Protocol.UDP, destination_port=53)
    assert len(apply(actor=actor).loaded) == 1  # one connection for the two hosts
    before = loaded()
    assert traps() == before
    assert out() == {("tcp", 443), ("udp", 53)}

    again = apply(actor=actor)
    assert str(again) == "The IKE daemon: nothing had to be changed."

    changed = change_policy(
        dns, replace(dns.definition, phase_two_dh=DhGroup.OFF), enabled=True, actor=actor
    )
    applied = apply(actor=actor)
    assert len(applied.loaded) == 1
    assert applied.unloaded == []
    after = loaded()
    assert {child for child in after if child.startswith("web/web@")} <= before
    assert after - before == {child for child in after if child.startswith("web/dns@")}
    assert str(changed) == "web/dns"

    set_enabled([web, changed], enabled=False, actor=actor)
    assert apply(actor=actor).unloaded
    assert (loaded(), traps(), out()) == (set(), set(), set())
    with Daemon.open() as daemon:
        assert daemon.shared_keys() == set()


def test_what_others_have_loaded_is_not_touched(charon: Charon, add: Add, actor: Actor) -> None:
    with charon.session() as session:
        session.load_conn({"site": FOREIGN})
        session.load_shared({"id": "site", "type": "IKE", "data": "theirs-1", "owners": ["x"]})
    policy = add("web", enabled=True)
    apply(actor=actor)
    delete_policies([policy], actor=actor)

    assert len(apply(actor=actor).unloaded) == 1

    assert loaded() == {"theirs"}
    with Daemon.open() as daemon:
        assert daemon.shared_keys() == {"site"}


def test_another_key_is_another_connection(charon: Charon, add: Add, actor: Actor) -> None:
    policy = add("web", enabled=True)
    [first] = apply(actor=actor).loaded
    change_policy(policy, policy.definition, preshared_key="another-key-1", actor=actor)

    applied = apply(actor=actor)

    [second] = applied.loaded
    assert second != first
    assert applied.unloaded == [first]
    with Daemon.open() as daemon:
        assert daemon.shared_keys() == {second}


@pytest.mark.parametrize("what", ["association", "child"])
def test_what_has_ended_already_is_no_failure(charon: Charon, what: str) -> None:
    with Daemon.open() as daemon:
        daemon.terminate(**{what: "4711"})


def test_a_packet_that_asks_for_keys_has_none(charon: Charon, add: Add, actor: Actor) -> None:
    add("dns", enabled=True, protocol=Protocol.UDP, destination_port=53)
    apply(actor=actor)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
        packets.bind((HERE, 0))
        packets.sendto(b"?", (THERE, 53))

    states = subprocess.run(["ip", "xfrm", "state"], capture_output=True, text=True, check=True)
    assert "spi 0x00000000" in states.stdout
    assert installed_keys() == []


@pytest.mark.parametrize("what", ["disabled", "deleted", "changed"])
def test_the_kernel_is_cleared_of_what_a_killed_daemon_left(
    what: str, add: Add, actor: Actor, settings: Settings, tmp_path: Path
) -> None:
    with running(tmp_path) as charon, charon.entered():
        settings.CCXSEC_IPSEC_SOCKET = str(charon.socket)
        add_addresses()
        policy = add("web", enabled=True, protocol=Protocol.TCP, destination_port=443)
        add("dns", enabled=True, protocol=Protocol.UDP, destination_port=53)
        apply(actor=actor)
        charon.kill()
        assert out() == {("tcp", 443), ("udp", 53)}
        if what == "disabled":
            set_enabled([policy], enabled=False, actor=actor)
        elif what == "deleted":
            delete_policies([policy], actor=actor)
        else:
            change_policy(policy, replace(policy.definition, destination_port=444), actor=actor)

        with pytest.raises(DaemonError):
            apply(actor=actor)

        assert out() == {("udp", 53)}  # which is intended, daemon or not
        assert not Remains.objects.exists()


def test_traffic_is_held_while_a_certificate_is_missing(
    charon: Charon, add: Add, actor: Actor, node: Node
) -> None:
    trusted = trust(node)
    policy = add("web", enabled=True, key="", authentication=Authentication.CERTIFICATE, **TCP_443)
    apply(actor=actor)
    assert standing_of(policy).leak is Leak.BLOCKED
    assert not apply(actor=actor).troubles

    trusted.delete()
    applied = apply(actor=actor)

    assert "ipsec-trust store is empty" in applied.troubles["web/web"]
    stands = standing_of(policy)
    assert (stands.word, stands.leak) == (Word.NOT_IN_FORCE, Leak.BLOCKED)
    assert out() == {("tcp", 443)}
    assert apply(actor=actor).loaded == []

    trust(node)
    assert len(apply(actor=actor).unloaded) == 1
    assert out() == {("tcp", 443)}
    set_enabled([policy], enabled=False, actor=actor)
    apply(actor=actor)
    assert (loaded(), out()) == (set(), set())


def test_traffic_is_held_while_a_key_can_not_be_opened(
    charon: Charon, add: Add, actor: Actor
) -> None:
    policy = add("web", enabled=True, **TCP_443)
    Secret.objects.filter(name=key_secret(policy.pk)).delete()

    applied = apply(actor=actor)

    assert "pre-shared key" in applied.troubles["web/web"]
    assert out() == {("tcp", 443)}
    assert standing_of(policy).leak is Leak.BLOCKED


TCP_443 = {"protocol": Protocol.TCP, "destination_port": 443}


def standing_of(policy: Policy) -> Standing:
    row = Policy.objects.get(pk=policy.pk)
    return standings([row])[row.pk]


def trust(node: Node) -> Certificate:
    """A peer's self-signed certificate in the trust store."""
    der = self_signed(
        new_key(KeyChoice.EC_P256),
        subject=Subject("peer").to_x509(),
        names=[],
        days=30,
        now=timezone.now(),
    )
    [row] = Certificate.objects.create_trust(node, Purpose.IPSEC_TRUST, [read_facts(der)], "")
    return row
