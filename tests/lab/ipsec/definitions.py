"""Policies that the tests have in common: the algorithms, one of each version of IKE."""

import pytest

MODERN = {
    "ike_version": 2, "encryption": "AES-256-GCM", "hash": "SHA384", "phase_one_dh": 20,
    "esp": "AES-256-GCM", "phase_two_dh": 20,
}  # fmt: skip
IN_IKEV1 = {
    "ike_version": 1, "encryption": "AES-256", "hash": "SHA256", "phase_one_dh": 14,
    "esp": "AES-128", "phase_two_dh": 14,
}  # fmt: skip
BOTH = pytest.mark.parametrize("fields", [IN_IKEV1, MODERN], ids=["ikev1", "ikev2"])
