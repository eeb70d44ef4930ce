"""What was negotiated against what is configured: fallbacks are failures (IP-7)."""

from dataclasses import dataclass

from ipsec.associations import Association, Child, protocol_and_port
from ipsec.policy.choices import DhGroup, Encryption, Esp, Hash, Protocol
from ipsec.policy.definition import Definition


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which the peer and we agreed on something else than what is configured."""

    field: str
    sentence: str


_CIPHERS = {
    Encryption.DES: ("DES_CBC", 0),
    Encryption.TRIPLE_DES: ("3DES_CBC", 0),
    Esp.NULL_ENC: ("NULL", 0),
    Esp.BLOWFISH: ("BLOWFISH_CBC", 128),
    Esp.RIJNDAEL: ("AES_CBC", 128),
    Encryption.AES_128: ("AES_CBC", 128),
    Encryption.AES_256: ("AES_CBC", 256),
    Encryption.AES_128_GCM: ("AES_GCM_16", 128),
    Encryption.AES_256_GCM: ("AES_GCM_16", 256),
    Encryption.CHACHA20_POLY1305: ("CHACHA20_POLY1305", 0),
}
_INTEGRITY = {
    Hash.MD5: "HMAC_MD5_96",
    Hash.SHA1: "HMAC_SHA1_96",
    Hash.SHA256: "HMAC_SHA2_256_128",
    Hash.SHA384: "HMAC_SHA2_384_192",
    Hash.SHA512: "HMAC_SHA2_512_256",
}
_GROUPS = {
    1: "MODP_768",
    2: "MODP_1024",
    5: "MODP_1536",
    14: "MODP_2048",
    15: "MODP_3072",
    16: "MODP_4096",
    17: "MODP_6144",
    18: "MODP_8192",
    19: "ECP_256",
    20: "ECP_384",
    21: "ECP_521",
    31: "CURVE_25519",
}


def differences(definition: Definition, association: Association, child: Child) -> list[Difference]:
    """Where what was negotiated is not what is configured."""
    found = []

    def expect(field: str, configured: str, negotiated: str) -> None:
        if configured != negotiated:
            said = f"{configured} is configured, and {negotiated or 'none'} was negotiated."
            found.append(Difference(field, said))

    expect("ike_version", f"IKEv{definition.ike_version.value}", f"IKEv{association.version}")
    expect("encryption", _cipher(definition.encryption), _negotiated(association))
    if not definition.encryption.is_combined:
        expect("hash", _INTEGRITY[definition.hash], association.integrity)
    expect("phase_one_dh", _GROUPS[definition.phase_one_dh], association.dh_group)
    expect("esp", _cipher(definition.esp), _negotiated(child))
    if not definition.esp.is_combined:
        expect("hash", _INTEGRITY[definition.hash], child.integrity)
    # The first child of IKEv2 is made with the keys of phase one: RFC 7296, 1.2.
    if child.dh_group:
        wanted = definition.phase_two_dh
        expect("phase_two_dh", "none" if wanted is DhGroup.OFF else _GROUPS[wanted], child.dh_group)
    expect("mode", definition.mode.value.upper(), child.mode)
    sides = (
        ("source_port", child.local_selectors, definition.source_port),
        ("destination_port", child.remote_selectors, definition.destination_port),
    )
    for field, selectors, port in sides:
        if [protocol_and_port(text) for text in selectors] != [
            _wanted_ports(definition.protocol, port)
        ]:
            said = f"Only {', '.join(selectors) or 'nothing'} is protected: the peer narrowed it."
            found.append(Difference(field, said))
    return found


def _cipher(choice: Encryption | Esp) -> str:
    name, bits = _CIPHERS[choice]
    return f"{name} {bits}" if bits else name


def _negotiated(sa: Association | Child) -> str:
    bits = sa.key_size if sa.encryption in {"AES_CBC", "AES_GCM_16", "BLOWFISH_CBC"} else 0
    return f"{sa.encryption} {bits}" if bits else sa.encryption


def _wanted_ports(protocol: Protocol, port: int) -> tuple[str, int]:
    return ("" if protocol is Protocol.ANY else protocol.value), port
