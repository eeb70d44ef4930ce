"""Definitions of policies for the tests of the exchange."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ipsec.exchange.mirror import Mirror, mirror_of
from ipsec.policy.choices import (
    PHASE_ONE_GROUPS,
    Authentication,
    DhGroup,
    Encryption,
    Esp,
    Hash,
    IkeVersion,
    PeerType,
    Protocol,
)
from ipsec.policy.definition import Definition
from ipsec.policy.profiles import PROFILES, ProfileName

MADE_AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
WEB = Definition(
    group="Cluster-1",
    name="web-a",
    source_address="10.0.0.1",
    destination_address="10.0.0.2",
    destination_port=443,
    protocol=Protocol.TCP,
)
CERTIFICATE: dict[str, Any] = {"authentication": Authentication.CERTIFICATE}
PINNED: dict[str, Any] = CERTIFICATE | {
    "peer_type": PeerType.DIFFERENT,
    "certificate_name": "peer.example.com",
}
UNIFIED_CCX = replace(WEB, **PROFILES[ProfileName.UNIFIED_CCX].fields)
FIPS = replace(WEB, **PROFILES[ProfileName.FIPS].fields)


def mirror(*definitions: Definition, certificate_name: str = "own.example.com") -> Mirror:
    return mirror_of(
        definitions or (WEB,),
        made_by="ccx1.example.com",
        made_at=MADE_AT,
        certificate_name=certificate_name,
    )


def of_every_choice() -> dict[str, Definition]:
    """One definition for each choice of each field, each with a source of its own."""
    ikev1 = {"encryption": Encryption.AES_256, "esp": Esp.AES_256, "ike_version": IkeVersion.IKEV1}
    cases: dict[str, dict[str, Any]] = {
        **{f"encryption {one}": {"encryption": one} for one in Encryption},
        **{f"esp {one}": {"esp": one} for one in Esp},
        **{f"hash {one}": {"hash": one, "esp": Esp.AES_128} for one in Hash},
        **{f"phase one {one.value}": {"phase_one_dh": one} for one in PHASE_ONE_GROUPS},
        **{f"phase two {one.value}": {"phase_two_dh": one} for one in DhGroup},
        **{f"protocol {one}": {"protocol": one} for one in Protocol},
        "any with a port": {"protocol": Protocol.ANY, "destination_port": 8443},
        "ports on both sides": {"source_port": 1024, "destination_port": 65_535},
        "ikev1": ikev1,
        "unified ccx": PROFILES[ProfileName.UNIFIED_CCX].fields,
        "fips": PROFILES[ProfileName.FIPS].fields,
        "at 4500": {"remote_port": 4500},
        "at 1500": {"remote_port": 1500},
        "short lives": {"phase_one_life_time": 60, "phase_two_life_time": 60},
        "long lives": {"phase_one_life_time": 2_147_483, "phase_two_life_time": 2_147_483},
    }
    return {
        label: replace(WEB, name=f"p-{number}", source_address=f"10.0.1.{number}", **fields)
        for number, (label, fields) in enumerate(cases.items(), start=1)
    }
