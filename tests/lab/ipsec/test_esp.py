"""What a policy in force does to packets, by product, kernel and wire (IP-2, IP-3, IP-7)."""

from typing import Any

import pytest

from tests.lab.ipsec import identities
from tests.lab.ipsec.definitions import BOTH, MODERN
from tests.lab.ipsec.esp_kernel import EspKernel
from tests.lab.ipsec.scenes import meet
from tests.lab.ipsec.verdict import assert_in_force, assert_on_the_wire, words

pytestmark = pytest.mark.spec("IP-7")
UDP_9 = {"protocol": "udp", "port": 9}
# Protocol, source and destination port -> what fits, what does not.
SELECTORS: dict[str, tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]] = {
    "all": (
        {"protocol": "any", "destination_port": 0},
        [{"port": 80}, UDP_9],
        [],
    ),
    "tcp": (
        {"protocol": "tcp", "destination_port": 0},
        [{"port": 80}, {"port": 5432}],
        [UDP_9],
    ),
    "udp-port": (
        {"protocol": "udp", "destination_port": 514},
        [{"protocol": "udp", "port": 514}],
        [{"port": 514, "protocol": "tcp"}, {"protocol": "udp", "port": 515}],
    ),
    "source-port": (
        {"protocol": "tcp", "source_port": 6000, "destination_port": 0},
        [{"port": 80, "source_port": 6000}],
        [{"port": 81, "source_port": 6001}],
    ),
    "both-ports": (
        {"protocol": "tcp", "source_port": 6002, "destination_port": 80},
        [{"port": 80, "source_port": 6002}],
        [{"port": 81, "source_port": 6002}],
    ),
}  # fmt: skip


@BOTH
@pytest.mark.spec("IP-2")
@pytest.mark.parametrize("scene", [identities.chained, identities.pinned])
def test_rsa_certificates_are_as_good_as_a_key(
    esp: EspKernel, scene: Any, fields: dict[str, Any]
) -> None:
    assert_in_force(fields, esp.play(scene, fields))


@pytest.mark.spec("IP-2")
@pytest.mark.parametrize("name", SELECTORS)
def test_what_fits_the_selectors_is_protected_and_nothing_else(esp: EspKernel, name: str) -> None:
    selectors, fitting, others = SELECTORS[name]

    seen = esp.play(meet, MODERN | selectors, fitting, others)

    assert words(seen["standings"]) == ["in force, protected"] * 2
    ports = {min(one["port"], one.get("source_port", 65535)) for one in others}
    assert_on_the_wire(seen["wire"], other=tuple(sorted(ports)))


@BOTH
@pytest.mark.spec("IP-2")
def test_peers_may_be_named(esp: EspKernel, fields: dict[str, Any]) -> None:
    ends = {"source_address": "host1.example.com", "destination_address": "host2.example.com"}

    assert_in_force(fields, esp.play(meet, fields | ends))


@BOTH
@pytest.mark.spec("IP-2")
def test_ipv6(esp: EspKernel, fields: dict[str, Any]) -> None:
    ends = {"source_address": "2001:db8::1", "destination_address": "2001:db8::2"}

    seen = esp.play(meet, fields | ends, [{"port": 8443, "family": 6}], [UDP_9 | {"family": 6}])

    assert_in_force(fields, seen)
