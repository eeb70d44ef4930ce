"""What was negotiated against what is configured: fallbacks are failures (IP-7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol as Shape

from certificates.sentence import lowered, say
from ipsec.associations import Association, Child, protocol_and_port
from ipsec.policy.choices import DhGroup, Encryption, Esp, Hash, Protocol
from ipsec.policy.definition import Definition


class _Choice(Shape):
    """A choice of a field, with its word on the screen."""

    @property
    def label(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which the peer and we agreed on something else than what is configured."""

    field: str
    sentence: str


_CIPHERS: dict[Encryption | Esp, tuple[str, int]] = {
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


def _cipher(choice: Encryption | Esp) -> str:
    name, bits = _CIPHERS[choice]
    return f"{name} {bits}" if bits else name


_NONE = say("none")
_SCREEN_WORDS = {
    "TUNNEL": say("Tunnel"),
    **{_cipher(choice): choice.label for choice in _CIPHERS},
    **{term: choice.label for choice, term in _INTEGRITY.items()},
    **{term: DhGroup(number).label for number, term in _GROUPS.items()},
}


@dataclass(frozen=True, slots=True)
class Compared:
    """One field, as it is configured and as it was negotiated, in the words of the screens.

    `sentence`: why the two differ; "" where they don't.
    """

    field: str
    configured: str
    negotiated: str
    sentence: str = ""


def differences(definition: Definition, association: Association, child: Child) -> list[Difference]:
    """Where what was negotiated is not what is configured."""
    rows = compared(definition, association, child)
    return [Difference(row.field, row.sentence) for row in rows if row.sentence]


def compared(
    definition: Definition, association: Association | None, child: Child | None
) -> list[Compared]:
    """Every field that is negotiated, with its two sides; a phase without an SA has none."""
    found: list[Compared] = []
    if association is not None:
        found += _phase_one(definition, association)
    if child is not None:
        found += _phase_two(definition, child)
    return found


def _phase_one(definition: Definition, association: Association) -> Iterator[Compared]:
    version = f"IKEv{association.version}"
    yield _row("ike_version", definition.ike_version, definition.ike_version.label, version)
    cipher = definition.encryption
    yield _row("encryption", cipher, _cipher(cipher), _negotiated(association))
    if not cipher.is_combined:
        wanted = definition.hash
        yield _row("hash", wanted, _INTEGRITY[wanted], association.integrity)
    group = definition.phase_one_dh
    yield _row("phase_one_dh", group, _GROUPS[group], association.dh_group)


def _phase_two(definition: Definition, child: Child) -> Iterator[Compared]:
    yield _row("esp", definition.esp, _cipher(definition.esp), _negotiated(child))
    if not definition.esp.is_combined:
        yield _row("hash", definition.hash, _INTEGRITY[definition.hash], child.integrity)
    group = definition.phase_two_dh
    # The first child of IKEv2 is made with the keys of phase one: RFC 7296, 1.2.
    if child.dh_group or group is DhGroup.OFF:
        wanted = _NONE if group is DhGroup.OFF else _GROUPS[group]
        yield _row("phase_two_dh", group, wanted, child.dh_group or _NONE)
    else:
        yield Compared(
            "phase_two_dh", group.label, say("with the keys of phase one until the rekey")
        )
    mode = definition.mode
    yield _row("mode", mode, mode.value.upper(), child.mode)
    sides = (
        ("source_port", child.local_selectors, definition.source_port),
        ("destination_port", child.remote_selectors, definition.destination_port),
    )
    for field, selectors, port in sides:
        protocol = definition.protocol
        wanted = say(
            "{protocol}, port {port}",
            protocol=protocol.label,
            port=port or lowered(Protocol.ANY.label),
        )
        shown, said = ", ".join(selectors) or say("nothing"), ""
        if [protocol_and_port(text) for text in selectors] != [_wanted_ports(protocol, port)]:
            said = say("Only {shown} is protected: the peer narrowed it.", shown=shown)
        yield Compared(field, wanted, shown, said)


def _row(field: str, choice: _Choice, configured: str, negotiated: str) -> Compared:
    """`configured` and `negotiated` are in the daemon's words, and shown in those of the screen."""
    if configured == negotiated:
        return Compared(field, choice.label, choice.label)
    shown = _SCREEN_WORDS.get(negotiated, negotiated) or _NONE
    said = say(
        "{configured} is configured, and {negotiated} was negotiated.",
        configured=configured,
        negotiated=negotiated or _NONE,
    )
    return Compared(field, choice.label, shown, said)


def _negotiated(sa: Association | Child) -> str:
    bits = sa.key_size if sa.encryption in {"AES_CBC", "AES_GCM_16", "BLOWFISH_CBC"} else 0
    return f"{sa.encryption} {bits}" if bits else sa.encryption


def _wanted_ports(protocol: Protocol, port: int) -> tuple[str, int]:
    return ("" if protocol is Protocol.ANY else protocol.value), port
