"""The definition of a policy: every field of the manual's Table 2, without its key."""

from dataclasses import dataclass

from ipsec.policy.choices import (
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

IKE_PORT = 500
ANY_PORT = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What one policy protects and how, as seen from its source (IP-2).

    Args:
        group: Policy Group Name.
        name: Policy Name; with the group it names one policy of this server.
        certificate_name: of the peer, in the `ipsec-trust` store; "" unless `peer_type` is
            DIFFERENT.
        destination_address, source_address: IPv4, IPv6 (RFC 5952) or a host name in A-labels.
        destination_port, source_port: 1 to 65535; 0: any.
        remote_port: the UDP port of IKE at the destination.
        hash: of phase one; also the integrity of phase two unless `esp` is a combined cipher.
        phase_one_life_time, phase_two_life_time: seconds.
        phase_two_dh: OFF: keys of phase two come from phase one (no perfect forward secrecy).
    """

    group: str
    name: str
    authentication: Authentication = Authentication.PRESHARED_KEY
    peer_type: PeerType = PeerType.SAME
    certificate_name: str = ""
    source_address: str
    source_port: int = ANY_PORT
    destination_address: str
    destination_port: int = ANY_PORT
    protocol: Protocol = Protocol.ANY
    mode: Mode = Mode.TRANSPORT
    remote_port: int = IKE_PORT
    ike_version: IkeVersion = IkeVersion.IKEV2
    encryption: Encryption = Encryption.AES_256_GCM
    hash: Hash = Hash.SHA384
    phase_one_life_time: int = 28_800
    phase_one_dh: DhGroup = DhGroup.GROUP_20
    esp: Esp = Esp.AES_256_GCM
    phase_two_life_time: int = 3_600
    phase_two_dh: DhGroup = DhGroup.GROUP_20

    def __str__(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def pair(self) -> tuple[str, str]:
        """The two hosts: policies of one pair share phase one and authentication."""
        return self.source_address, self.destination_address


# What all policies of one pair of hosts have in common: one IKE connection serves them all.
SHARED_FIELDS = (
    "authentication",
    "peer_type",
    "certificate_name",
    "remote_port",
    "ike_version",
    "encryption",
    "hash",
    "phase_one_life_time",
    "phase_one_dh",
)
# Field -> its name on the screen, which is the manual's.
FIELD_LABELS = {
    "group": "Policy Group Name",
    "name": "Policy Name",
    "authentication": "Authentication Method",
    "peer_type": "Peer Type",
    "certificate_name": "Certificate Name",
    "source_address": "Source Address",
    "source_port": "Source Port",
    "destination_address": "Destination Address",
    "destination_port": "Destination Port",
    "protocol": "Protocol",
    "mode": "Mode",
    "remote_port": "Remote Port",
    "ike_version": "IKE Version",
    "encryption": "Encryption Algorithm",
    "hash": "Hash Algorithm",
    "phase_one_life_time": "Phase One Life Time",
    "phase_one_dh": "Phase One DH",
    "esp": "ESP Algorithm",
    "phase_two_life_time": "Phase Two Life Time",
    "phase_two_dh": "Phase Two DH",
}
