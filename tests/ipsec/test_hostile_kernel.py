"""What others do to the kernel's policies: no word of the product is better than what is so."""

import subprocess

import pytest

from certificates.access import Actor
from ipsec.kernel import installed_keys, installed_policies
from ipsec.operations import apply, standings
from ipsec.policy.choices import Protocol
from ipsec.standing import Leak, Word
from tests.ipsec.charon import Charon
from tests.ipsec.conftest import HERE, THERE, Add

pytestmark = [pytest.mark.spec("IP-7"), pytest.mark.django_db(transaction=True)]


def xfrm(*words: str) -> None:
    subprocess.run(["ip", "xfrm", *words], check=True, capture_output=True)


def test_what_is_flushed_from_the_kernel_is_told_and_comes_back(
    charon: Charon, add: Add, actor: Actor
) -> None:
    policy = add("web", enabled=True, protocol=Protocol.TCP, destination_port=443)
    apply(actor=actor)
    xfrm("policy", "flush")

    before = standings([policy])[policy.pk]
    applied = apply(actor=actor)
    after = standings([policy])[policy.pk]

    assert before.leak is Leak.CLEAR
    assert before.word not in {Word.IN_FORCE, Word.WAITING}
    assert applied.installed
    assert {one.direction for one in installed_policies()} >= {"in", "out"}
    assert after.leak is Leak.BLOCKED


@pytest.mark.parametrize("side", ["out", "in"])
def test_a_hole_in_what_is_held_is_told(side: str, charon: Charon, add: Add, actor: Actor) -> None:
    policy = add("web", enabled=True)
    apply(actor=actor)
    ends = (HERE, THERE, "dport") if side == "out" else (THERE, HERE, "sport")
    words = ["src", ends[0], "dst", ends[1], "proto", "tcp", ends[2], "22", "dir", side]
    xfrm("policy", "add", *words, "action", "allow", "priority", "1")
    try:
        standing = standings([policy])[policy.pk]
    finally:
        xfrm("policy", "delete", *words)

    assert standing.leak is Leak.CLEAR
    assert "tcp" in standing.leak_sentence
    assert standings([policy])[policy.pk].leak is Leak.BLOCKED


def test_an_association_without_a_key_protects_nothing(charon: Charon) -> None:
    for source, destination in ((HERE, THERE), (THERE, HERE)):
        ends = ["src", source, "dst", destination, "proto", "esp"]
        xfrm("state", "allocspi", *ends, "min", "0x100", "max", "0x200")
    try:
        assert installed_keys() == []
    finally:
        xfrm("state", "flush")


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("protocol", Protocol)
@pytest.mark.parametrize(("source", "destination"), [(0, 0), (0, 443), (53, 0), (1024, 8443)])
def test_what_the_kernel_holds_is_not_put_there_again(
    family: int,
    protocol: Protocol,
    source: int,
    destination: int,
    charon: Charon,
    add: Add,
    actor: Actor,
) -> None:
    hosts = {"source_address": "2001:db8::1", "destination_address": "2001:db8::2"}
    ports = {"source_port": source, "destination_port": destination}
    add("web", enabled=True, protocol=protocol, **ports, **(hosts if family == 6 else {}))
    apply(actor=actor)

    assert str(apply(actor=actor)) == "The IKE daemon: nothing had to be changed."
