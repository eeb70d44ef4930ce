"""What needs no ESP, on this machine's own kernel: IKE, traps, blocking, unloading (IP-3, IP-7).

Where this kernel has ESP, the policies come in force here, too; only what is true on both is said.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.ipsec import faults
from tests.lab.ipsec.definitions import BOTH, MODERN
from tests.lab.ipsec.faults import FITTING, ONE_PORT, OTHER
from tests.lab.ipsec.hosts import Host
from tests.lab.ipsec.product import Laboratory
from tests.lab.ipsec.scenes import (
    KEY,
    NAME,
    await_clean,
    await_that,
    between,
    clear,
    follow,
    watch,
)

pytestmark = pytest.mark.spec("IP-7")


@pytest.fixture
def _patient(lab: Laboratory) -> Iterator[None]:
    """Daemons that remember no failure: after five of a peer charon ignores it for 30 seconds."""
    _end_charon(lab)  # the scene starts it again
    yield
    clear(lab)
    _end_charon(lab)


def _end_charon(lab: Laboratory) -> None:
    """In the midst of a negotiation, it may be; nothing of that stays in the kernel."""
    for peer in lab.peers:
        peer.host.end_charon()
        peer.host.forget()


def is_up(host: Host) -> bool:
    return any(one["state"] == "ESTABLISHED" for one in host.associations())


def negotiate(lab: Laboratory, fields: dict[str, Any]) -> None:
    """Both hosts have the policy, and their daemons know each other."""
    clear(lab)
    follow(lab, between(lab.first.host, lab.second.host, ONE_PORT | fields), KEY)
    await_that(lambda: all(is_up(peer.host) for peer in lab.peers), lab.first.host)


@pytest.mark.usefixtures("_patient")
@BOTH
def test_a_wrong_key_is_named_and_lets_nothing_through(
    lab: Laboratory, fields: dict[str, Any]
) -> None:
    seen = faults.wrong_key(lab, fields)

    assert {one["leak"] for one in seen["standings"]} == {"blocked"}
    assert seen["wire"]["arrived"] == [False, True]
    assert seen["wire"]["clear ports"] == [9]
    # On a busy machine the first try may be given up before the other host's answer comes.
    await_that(
        lambda: "pre-shared key" in lab.first.product.do("diagnose", NAME)[0], lab.first.host
    )


@BOTH
def test_what_fits_is_held_and_the_rest_passes(lab: Laboratory, fields: dict[str, Any]) -> None:
    negotiate(lab, fields)

    assert "dport 8443" in lab.first.host.policies()
    assert lab.first.product.do("standing", NAME)["leak"] in {"blocked", "protected"}
    wire = watch(lab, FITTING | {"seconds": 0.5}, OTHER)
    assert wire["arrived"][1]
    assert wire["clear ports"] == [9]


@pytest.mark.spec("IP-3")
@BOTH
def test_a_disabled_policy_is_unloaded(lab: Laboratory, fields: dict[str, Any]) -> None:
    negotiate(lab, fields)
    for peer in lab.peers:
        peer.product.do("enable", NAME, False)

    await_clean(lab)
    assert [peer.host.associations() for peer in lab.peers] == [[], []]
    assert watch(lab, FITTING)["clear ports"] == [8443]


def test_a_name_that_resolves_later_is_held_from_then_on(lab: Laboratory) -> None:
    clear(lab)
    first, second = (peer.host for peer in lab.peers)
    ends = {"destination_address": "late.example.com"}
    lab.first.product.do("add", between(first, second, ONE_PORT | MODERN | ends), KEY)
    told = lab.first.product.do("standing", NAME)
    assert told["leak"] == "in the clear"
    assert "late.example.com" in told["leak_sentence"]

    first.name(**{"late.example.com": second.ipv4})
    lab.first.product.do("apply")

    assert lab.first.product.do("standing", NAME)["leak"] == "blocked"
    assert watch(lab, FITTING | {"seconds": 0.5})["clear ports"] == []
