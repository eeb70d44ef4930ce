"""Compare with peer: each difference, and what it comes to."""

from dataclasses import replace
from typing import Any

import pytest

from ipsec.exchange.comparison import Effect, closest, compare
from ipsec.exchange.mirror import counterpart
from ipsec.policy.choices import (
    Authentication,
    DhGroup,
    Encryption,
    Esp,
    Hash,
    IkeVersion,
    PeerType,
    Protocol,
)
from ipsec.policy.definition import FIELD_LABELS
from tests.ipsec.definitions import CERTIFICATE, PINNED, UNIFIED_CCX, WEB, of_every_choice

pytestmark = pytest.mark.spec("IP-2")
FAILS, NARROWER, DIFFERS = Effect.FAILS, Effect.NARROWER, Effect.DIFFERS
V1: dict[str, Any] = {"ike_version": IkeVersion.IKEV1}


@pytest.mark.parametrize("label", of_every_choice())
def test_a_policy_that_was_imported_from_our_export_agrees(label: str) -> None:
    ours = of_every_choice()[label]
    at_the_peer = counterpart(ours)

    found = compare(ours, counterpart(at_the_peer))

    assert [one.field for one in found if one.effect is FAILS] == []
    assert found == [] or ours.remote_port == 1500


# What theirs has otherwise, in a policy that is ours with the fields of the last column.
CASES: dict[str, tuple[dict[str, Any], Effect, str, dict[str, Any]]] = {
    "group": ({"group": "Other"}, DIFFERS, "not negotiated", {}),
    "name": ({"name": "other"}, DIFFERS, "not negotiated", {}),
    "authentication": ({"authentication": Authentication.CERTIFICATE}, FAILS, "the same", {}),
    "peer type": ({"peer_type": PeerType.SAME, "certificate_name": ""}, DIFFERS, "itself", PINNED),
    "certificate": ({"certificate_name": "x"}, DIFFERS, "two names", PINNED),
    "source": ({"source_address": "10.0.0.9"}, FAILS, "the same", {}),
    "source name": ({"source_address": "a.example.com"}, DIFFERS, "resolved", {}),
    "destination": ({"destination_address": "fd00::9"}, FAILS, "the same", {}),
    "another port": ({"destination_port": 8443}, FAILS, "the same", {}),
    "any port": ({"destination_port": 0}, NARROWER, "wider on the other side: only what this", {}),
    "a port": ({"source_port": 1024}, NARROWER, "wider on this side: only what the other", {}),
    "any port in IKEv1": ({"destination_port": 0}, NARROWER, "wider on the other side", V1),
    "udp": ({"protocol": Protocol.UDP}, FAILS, "the same", {}),
    "any protocol": ({"protocol": Protocol.ANY}, NARROWER, "wider on the other side", {}),
    "4500": ({"remote_port": 4500}, DIFFERS, "both ports", {}),
    "1500": ({"remote_port": 1500}, FAILS, "at the port 1500", {}),
    "4500 against 1500": ({"remote_port": 4500}, DIFFERS, "1500", {"remote_port": 1500}),
    "ike version": ({"ike_version": IkeVersion.IKEV1}, FAILS, "the same", {}),
    "encryption": ({"encryption": Encryption.AES_128_GCM}, FAILS, "the same", {}),
    "hash": ({"hash": Hash.SHA256}, FAILS, "the same", {}),
    "phase one life": ({"phase_one_life_time": 60}, DIFFERS, "need not agree", {}),
    "phase one group": ({"phase_one_dh": DhGroup.GROUP_14}, FAILS, "the same", {}),
    "esp": ({"esp": Esp.AES_128_GCM}, FAILS, "the same", {}),
    "rijndael": ({"esp": Esp.AES_128}, DIFFERS, "older name", {"esp": Esp.RIJNDAEL}),
    "phase two life": ({"phase_two_life_time": 600}, DIFFERS, "need not agree", {}),
    "phase two group": ({"phase_two_dh": DhGroup.OFF}, FAILS, "within 3,600 seconds", {}),
    "phase two group in IKEv1": ({"phase_two_dh": DhGroup.GROUP_5}, FAILS, "the same", V1),
}


@pytest.mark.parametrize(("changes", "effect", "said", "base"), CASES.values(), ids=CASES)
def test_a_difference_says_what_it_comes_to(
    changes: dict[str, Any], effect: Effect, said: str, base: dict[str, Any]
) -> None:
    ours = replace(WEB, **base)

    found = compare(ours, replace(ours, **changes))

    told = found[0]
    assert [one.field for one in found] == [one for one in changes if one == told.field]
    assert told.label == FIELD_LABELS[told.field]
    assert told.effect is effect
    assert said in told.sentence
    assert told.cure or effect is DIFFERS


def test_values_are_shown_as_on_the_screen() -> None:
    (port, group) = compare(WEB, replace(WEB, destination_port=0, phase_one_dh=DhGroup.GROUP_2))

    assert (port.ours, port.theirs) == ("443", "Any")
    assert (group.ours, group.theirs) == ("20 (ECP 384)", "2 (MODP 1024)")
    assert group.cure == "Set Phase One DH to 2 (MODP 1024) here, or change it on the other side."


def test_every_field_that_disagrees_is_told() -> None:
    found = {one.field for one in compare(WEB, UNIFIED_CCX)}

    assert found == {
        "ike_version",
        "encryption",
        "hash",
        "phase_one_life_time",
        "phase_one_dh",
        "esp",
        "phase_two_dh",
    }


def test_a_peer_type_says_nothing_beside_a_key() -> None:
    assert compare(WEB, replace(WEB, peer_type=PeerType.DIFFERENT)) == []


def test_which_policy_of_the_export_is_meant() -> None:
    ours = replace(WEB, **CERTIFICATE)
    other = replace(ours, name="other", destination_port=5432)
    renamed = replace(ours, name="renamed")
    elsewhere = replace(ours, name="far", destination_address="10.0.0.3")

    assert closest(ours, [other, ours]) == ours
    assert closest(ours, [other, renamed, elsewhere]) == renamed
    assert closest(ours, [elsewhere]) is None
