"""A peer that is not ours: Libreswan, set up with what *Export for the peer* gives (IP-2, IP-7)."""

from typing import Any

import pytest

from tests.lab.ipsec.esp_kernel import EspKernel
from tests.lab.ipsec.libreswan import PROGRAMS, meet_libreswan
from tests.lab.ipsec.verdict import assert_met
from tests.parts import in_ci

# Its Debian build has neither DES nor group 2.
OLD = {
    "ike_version": 1, "encryption": "3DES", "hash": "SHA1", "phase_one_dh": 5,
    "esp": "3DES", "phase_two_dh": 5,
}  # fmt: skip
MODERN = {
    "ike_version": 2, "encryption": "AES-256-GCM", "hash": "SHA384", "phase_one_dh": 20,
    "esp": "AES-256-GCM", "phase_two_dh": 20,
}  # fmt: skip
CLASSIC = {
    "ike_version": 2, "encryption": "AES-256", "hash": "SHA256", "phase_one_dh": 14,
    "esp": "AES-128", "phase_two_dh": 0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _unpacked() -> None:
    if not (PROGRAMS / "pluto").exists():
        message = "Libreswan is missing: .ci/fetch-libreswan"
        pytest.fail(message) if in_ci() else pytest.skip(message)


@pytest.mark.spec("IP-2", "IP-7")
@pytest.mark.parametrize("fields", [OLD, MODERN, CLASSIC], ids=["ikev1", "gcm", "cbc"])
def test_libreswan_follows_what_is_exported_for_it(esp: EspKernel, fields: dict[str, Any]) -> None:
    seen = esp.play(meet_libreswan, fields)

    assert_met(fields, seen)
