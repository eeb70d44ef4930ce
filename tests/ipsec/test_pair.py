"""Several policies of one server: what they must agree in, and what touches the same traffic."""

from dataclasses import replace
from typing import Any

import pytest

from ipsec.policy.choices import (
    Authentication,
    DhGroup,
    Encryption,
    Hash,
    IkeVersion,
    PeerType,
    Protocol,
)
from ipsec.policy.definition import FIELD_LABELS, SHARED_FIELDS, Definition
from ipsec.policy.pair import overlaps, pair_faults, shown
from tests.ipsec.definitions import WEB

pytestmark = pytest.mark.spec("IP-2")
OTHER = replace(WEB, name="db", destination_port=5432)
# Another value of each field that a pair shares.
ELSE: dict[str, Any] = {
    "authentication": Authentication.CERTIFICATE,
    "peer_type": PeerType.DIFFERENT,
    "certificate_name": "peer",
    "remote_port": 4500,
    "ike_version": IkeVersion.IKEV1,
    "encryption": Encryption.AES_128,
    "hash": Hash.SHA512,
    "phase_one_life_time": 60,
    "phase_one_dh": DhGroup.GROUP_14,
}


def test_every_shared_field_is_tried() -> None:
    assert tuple(ELSE) == SHARED_FIELDS


@pytest.mark.parametrize("field", SHARED_FIELDS)
def test_policies_of_two_hosts_agree_in_what_they_share(field: str) -> None:
    different = replace(OTHER, **{field: ELSE[field]})

    [fault] = pair_faults(different, [WEB])

    assert (fault.field, fault.code) == (field, "policy.pair")
    assert fault.sentence.startswith(f"{FIELD_LABELS[field]} is {shown(ELSE[field])} here and ")
    assert f" in {WEB}, " in fault.sentence
    assert shown(getattr(WEB, field)) in fault.cure


def test_what_is_each_policys_own_may_differ() -> None:
    own = replace(OTHER, phase_two_life_time=60, phase_two_dh=DhGroup.OFF, source_port=9)

    assert pair_faults(own, [WEB]) == []


def test_another_pair_shares_nothing() -> None:
    there = replace(OTHER, destination_address="10.0.0.9", **ELSE)

    assert pair_faults(there, [WEB]) == []
    assert overlaps(there, [WEB]) == []


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (replace(WEB, name="b"), [("protocol", "policy.duplicate")]),
        (replace(WEB, destination_port=80), [("name", "policy.taken")]),
        (WEB, [("name", "policy.taken"), ("protocol", "policy.duplicate")]),
        (
            replace(OTHER, source_address="10.0.0.2", destination_address="10.0.0.1"),
            [("source_address", "policy.swapped")],
        ),
    ],
    ids=["traffic", "name", "both", "swapped"],
)
def test_twice_the_same(definition: Definition, told: list[tuple[str, str]]) -> None:
    found = pair_faults(definition, [WEB])

    assert [(fault.field, fault.code) for fault in found] == told
    assert all(str(WEB) in fault.sentence for fault in found)


def test_each_other_policy_is_named() -> None:
    third = replace(WEB, name="third", destination_port=80, hash=Hash.MD5)

    found = pair_faults(third, [WEB, OTHER])

    assert [str(one) in fault.sentence for one, fault in zip([WEB, OTHER], found, strict=True)]


def _of(protocol: Protocol, source: int = 0, destination: int = 0) -> Definition:
    return replace(
        WEB, name="new", protocol=protocol, source_port=source, destination_port=destination
    )


@pytest.mark.parametrize(
    ("one", "touches", "narrower"),
    [
        (_of(Protocol.ANY), True, "other"),
        (_of(Protocol.TCP), True, "other"),
        (_of(Protocol.TCP, 1024, 443), True, "this"),
        (_of(Protocol.TCP, 1024), True, None),
        (_of(Protocol.ANY, 0, 443), True, "other"),
        (_of(Protocol.UDP, 0, 443), False, None),
        (_of(Protocol.TCP, 0, 80), False, None),
        (_of(Protocol.TCP, 0, 443), False, None),
        (_of(Protocol.ANY, 0, 80), False, None),
        (_of(Protocol.ANY, 1024), True, None),
    ],
    ids=[
        "everything",
        "all of the protocol",
        "one source port",
        "crosswise",
        "any protocol",
        "other protocol",
        "other port",
        "the same is a duplicate",
        "other port of any protocol",
        "crosswise with any protocol",
    ],
)
def test_traffic_that_fits_two_policies(
    one: Definition, touches: bool, narrower: str | None
) -> None:
    found = overlaps(one, [WEB])

    assert len(found) == touches
    if touches:
        expected = {"this": one, "other": WEB, None: None}[narrower]
        assert found[0].narrower == expected
        assert str(WEB) in str(found[0])
