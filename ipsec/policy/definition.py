"""The definition of a policy: every field of the manual's Table 2, without its key."""

from dataclasses import dataclass

from certificates.sentence import say
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
    "group": say("Policy Group Name"),
    "name": say("Policy Name"),
    "authentication": say("Authentication Method"),
    "peer_type": say("Peer Type"),
    "certificate_name": say("Certificate Name"),
    "source_address": say("Source Address"),
    "source_port": say("Source Port"),
    "destination_address": say("Destination Address"),
    "destination_port": say("Destination Port"),
    "protocol": say("Protocol"),
    "mode": say("Mode"),
    "remote_port": say("Remote Port"),
    "ike_version": say("IKE Version"),
    "encryption": say("Encryption Algorithm"),
    "hash": say("Hash Algorithm"),
    "phase_one_life_time": say("Phase One Life Time"),
    "phase_one_dh": say("Phase One DH"),
    "esp": say("ESP Algorithm"),
    "phase_two_life_time": say("Phase Two Life Time"),
    "phase_two_dh": say("Phase Two DH"),
}
