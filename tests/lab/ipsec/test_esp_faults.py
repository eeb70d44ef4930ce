"""What ends, breaks or changes leaves nothing that fits in the clear (IP-3, IP-7)."""

from typing import Any

import pytest

from tests.lab.ipsec import faults
from tests.lab.ipsec.combinations import MANUAL, expected_kernel
from tests.lab.ipsec.definitions import BOTH, MODERN
from tests.lab.ipsec.esp_kernel import EspKernel
from tests.lab.ipsec.verdict import assert_on_the_wire, words

pytestmark = pytest.mark.spec("IP-7")


@pytest.mark.spec("IP-3")
def test_a_disabled_policy_leaves_nothing_behind(esp: EspKernel) -> None:
    seen = esp.play(faults.disable, MANUAL[0])

    assert words(seen["before"]) == ["in force, protected"] * 2
    assert all(seen["held"])
    assert seen["daemons"] == [[], []]
    assert words(seen["after"]) == ["disabled, in the clear"] * 2
    assert seen["wire"]["arrived"] == [True]
    assert seen["wire"]["clear ports"] == [8443]


@BOTH
def test_traffic_negotiates_anew_what_was_disconnected(
    esp: EspKernel, fields: dict[str, Any]
) -> None:
    seen = esp.play(faults.disconnect, fields)

    assert words(seen["before"]) == ["in force, protected"] * 2
    assert words(seen["between"])[0] == "waiting for traffic, blocked"
    assert words(seen["after"]) == ["in force, protected"] * 2
    assert_on_the_wire(seen["wire"])


@BOTH
def test_a_wrong_key_lets_nothing_through(esp: EspKernel, fields: dict[str, Any]) -> None:
    seen = esp.play(faults.wrong_key, fields)

    assert all(one["leak"] == "blocked" for one in seen["standings"]), seen["standings"]
    assert not any(one["word"] == "in force" for one in seen["standings"]), seen["standings"]
    assert seen["wire"]["arrived"] == [False, True]
    assert seen["wire"]["clear ports"] == [9]
    assert seen["wire"]["counts"]["ESP"] == 0


def test_a_killed_daemon_that_comes_back_is_given_its_policies(esp: EspKernel) -> None:
    seen = esp.play(faults.kill, MODERN)

    assert words(seen["before"]) == ["in force, protected"] * 2
    assert seen["while dead"]["clear ports"] == [9]
    assert words(seen["after"]) == ["in force, protected"] * 2, seen["after"]
    assert seen["seconds"] < 10
    assert_on_the_wire(seen["wire"])


@BOTH
def test_a_change_is_in_force_within_5_seconds(esp: EspKernel, fields: dict[str, Any]) -> None:
    to = {"esp": "3DES", "phase_two_life_time": 1800}

    seen = esp.play(faults.change, fields, to)

    assert words(seen["before"]) == words(seen["after"]) == ["in force, protected"] * 2, seen
    assert seen["kernel"] == expected_kernel(fields | to)
    assert seen["seconds"] < 5
    assert_on_the_wire(seen["wire"])
