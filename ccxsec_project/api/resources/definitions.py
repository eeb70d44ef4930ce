"""The fields of a policy, by the words that the command takes, too."""

from dataclasses import replace
from typing import Any

from ninja import Field, Schema

from ccxsec_project.api.fields import Body, Text
from certificates.refusal import Refused
from ipsec.policy.choices import (
    PHASE_ONE_GROUPS,
    Authentication,
    DhGroup,
    Encryption,
    Esp,
    Hash,
    IkeVersion,
    Mode,
    PeerType,
    Protocol,
)
from ipsec.policy.definition import FIELD_LABELS, Definition
from ipsec.policy.profiles import PROFILES, ProfileName
from ipsec.policy.rules import read_address

_ADDRESSES = ("source_address", "destination_address")
_NEEDED = ("group", "name", *_ADDRESSES)
LARGEST = 2**31


class DefinitionOut(Schema):
    """What a policy protects and how. Port 0: any; a DH group of 0: off."""

    group: str
    name: str
    authentication: Authentication
    peer_type: PeerType
    certificate_name: str
    source_address: str
    source_port: int
    destination_address: str
    destination_port: int
    protocol: Protocol
    mode: Mode
    remote_port: int
    ike_version: IkeVersion
    encryption: Encryption
    hash: Hash
    phase_one_life_time: int
    phase_one_dh: DhGroup
    esp: Esp
    phase_two_life_time: int
    phase_two_dh: DhGroup


class DefinitionIn(Body):
    """The same fields; what is not given comes from the profile, or stays as it is."""

    profile: ProfileName | None = None
    group: Text | None = None
    name: Text | None = None
    authentication: Authentication | None = None
    peer_type: PeerType | None = None
    certificate_name: Text | None = None
    source_address: Text | None = None
    source_port: int | None = Field(None, ge=0, le=65535)
    destination_address: Text | None = None
    destination_port: int | None = Field(None, ge=0, le=65535)
    protocol: Protocol | None = None
    mode: Mode | None = None
    remote_port: int | None = Field(None, ge=1, le=65535)
    ike_version: IkeVersion | None = None
    encryption: Encryption | None = None
    hash: Hash | None = None
    phase_one_life_time: int | None = Field(None, ge=0, le=LARGEST)
    phase_one_dh: DhGroup | None = None
    esp: Esp | None = None
    phase_two_life_time: int | None = Field(None, ge=0, le=LARGEST)
    phase_two_dh: DhGroup | None = None

    def definition(self, former: Definition | None = None) -> Definition:
        """What is meant, with what was there before.

        Raises:
            Refused: policy.unnamed, policy.address, policy.group.
        """
        given: dict[str, Any] = {}
        if self.profile:
            given |= PROFILES[self.profile].fields
        sent = ((field, getattr(self, field)) for field in FIELD_LABELS)
        given |= {field: value for field, value in sent if value is not None}
        for field in _ADDRESSES:
            if field in given:
                given[field] = read_address(given[field])
        if given.get("phase_one_dh", PHASE_ONE_GROUPS[0]) not in PHASE_ONE_GROUPS:
            wrong = "Phase One needs a Diffie-Hellman group."
            raise Refused("policy.group", wrong, "Choose another one than 0.")
        if former is not None:
            return replace(former, **given)
        missing = [field for field in _NEEDED if not given.get(field)]
        if missing:
            wrong = f"These fields are missing: {', '.join(missing)}."
            raise Refused("policy.unnamed", wrong, "Give them.")
        return Definition(**given)


def definition_told(definition: Definition) -> dict[str, Any]:
    """Every field as the API shows it."""
    return {field: getattr(definition, field) for field in FIELD_LABELS}
