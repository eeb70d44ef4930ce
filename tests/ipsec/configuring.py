"""The IPSEC Policy Configuration as a browser sends it, and what it gets back."""

from typing import Any

from tests.ipsec.conftest import KEY, THERE

LIST = "/admin/ipsec/policy/"
ADD = f"{LIST}add/"
MODERN = {
    "ike_version": "2",
    "encryption": "AES-256-GCM",
    "hash": "SHA384",
    "phase_one_dh": "20",
    "phase_one_life_time": "28800",
    "esp": "AES-256-GCM",
    "phase_two_dh": "20",
    "phase_two_life_time": "3600",
}
CCX = {
    "ike_version": "1",
    "encryption": "3DES",
    "hash": "SHA1",
    "phase_one_dh": "2",
    "esp": "3DES",
    "phase_two_dh": "2",
}
FIELDS = {
    "group": "web",
    "name": "desktop",
    "authentication": "psk",
    "preshared_key": KEY,
    "source_address": "192.0.2.1",
    "destination_address": THERE,
    "remote_port": "500",
    "protocol": "tcp",
    "source_port": "Any",
    "destination_port": "8443",
    "mode": "transport",
    **MODERN,
}


def form(**changes: str) -> dict[str, str]:
    return FIELDS | changes


def text(response: Any) -> str:
    return str(response.content.decode())


def errors(response: Any) -> dict[str, str]:
    """What is told at each field."""
    return {name: str(told[0]) for name, told in response.context["form"].errors.items()}
