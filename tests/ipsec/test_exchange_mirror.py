"""The counterpart of a policy is what its peer must be set to."""

from dataclasses import replace

import pytest

from certificates.refusal import Refused
from ipsec.exchange.mirror import counterpart, mirror_of
from ipsec.policy.choices import Hash
from tests.ipsec.definitions import CERTIFICATE, MADE_AT, PINNED, WEB, mirror, of_every_choice

pytestmark = pytest.mark.spec("IP-2")


def test_source_and_destination_change_places_with_their_ports() -> None:
    turned = counterpart(replace(WEB, source_port=1024))

    assert (turned.source_address, turned.source_port) == ("10.0.0.2", 443)
    assert (turned.destination_address, turned.destination_port) == ("10.0.0.1", 1024)


@pytest.mark.parametrize(("label", "ours"), list(of_every_choice().items()), ids=of_every_choice())
def test_the_counterpart_of_the_counterpart_is_the_policy(label: str, ours: object) -> None:
    ours = of_every_choice()[label]
    again = counterpart(counterpart(ours))

    assert again == replace(ours, remote_port=again.remote_port)
    assert again.remote_port == (500 if ours.remote_port == 500 else 4500)


@pytest.mark.parametrize(("port", "peer_port"), [(500, 500), (4500, 4500), (1500, 4500)])
def test_the_peer_finds_this_server_at_the_port_that_it_sends_from(
    port: int, peer_port: int
) -> None:
    assert counterpart(replace(WEB, remote_port=port)).remote_port == peer_port


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({}, ""), (CERTIFICATE, ""), (PINNED, "own.example.com")],
    ids=["key", "same", "different"],
)
def test_only_who_names_a_certificate_gets_the_name_of_ours(
    fields: dict[str, object], expected: str
) -> None:
    ours = replace(WEB, **fields)  # type: ignore[arg-type]  # a table of fields

    assert counterpart(ours, certificate_name="own.example.com").certificate_name == expected


def test_policies_of_one_pair_share_a_connection() -> None:
    found = mirror(WEB, replace(WEB, name="web-b"), replace(WEB, source_address="10.0.0.9"))

    assert [len(connection.policies) for connection in found.connections] == [2, 1]
    assert [connection.name for connection in found.connections] == [
        "ccxsec-10-0-0-1",
        "ccxsec-10-0-0-9",
    ]
    assert found.peer == "10.0.0.2"


@pytest.mark.parametrize(
    ("definitions", "code"),
    [
        ([], "export.empty"),
        ([WEB, replace(WEB, destination_address="10.0.0.3")], "export.several-peers"),
        ([WEB, replace(WEB, name="b", hash=Hash.SHA256)], "export.disagree"),
        ([replace(WEB, name="a\nsecrets")], "export.name"),
        ([replace(WEB, group="")], "export.name"),
        ([replace(WEB, source_address='10.0.0.1"')], "export.name"),
        ([replace(WEB, destination_address="%any")], "export.name"),
    ],
    ids=["none", "peers", "disagree", "line", "empty", "quote", "any"],
)
def test_refuses_what_no_export_can_say(definitions: list[object], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        mirror_of(definitions, made_by="ccx1", made_at=MADE_AT)  # type: ignore[arg-type]

    assert refusal.value.code == code
    assert "\n" not in str(refusal.value)
