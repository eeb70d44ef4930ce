"""The terms of strongSwan for a definition's algorithms and traffic."""

from ipsec.policy.choices import DhGroup, Encryption, Esp, Hash, Protocol
from ipsec.policy.definition import ANY_PORT, Definition

_CIPHERS = {
    "NULL_ENC": "null",
    "DES": "des",
    "3DES": "3des",
    "BLOWFISH": "blowfish128",
    "RIJNDAEL": "aes128",
    "AES-128": "aes128",
    "AES-256": "aes256",
    "AES-128-GCM": "aes128gcm16",
    "AES-256-GCM": "aes256gcm16",
    "CHACHA20-POLY1305": "chacha20poly1305",
}
_GROUPS = {
    1: "modp768",
    2: "modp1024",
    5: "modp1536",
    14: "modp2048",
    15: "modp3072",
    16: "modp4096",
    17: "modp6144",
    18: "modp8192",
    19: "ecp256",
    20: "ecp384",
    21: "ecp521",
    31: "x25519",
}


def ike_proposal(definition: Definition) -> str:
    """Such as `aes256gcm16-prfsha384-ecp384`: a combined cipher needs its PRF named."""
    cipher, used = definition.encryption, definition.hash.value.lower()
    integrity = f"prf{used}" if cipher.is_combined else used
    return f"{_cipher(cipher)}-{integrity}-{_GROUPS[definition.phase_one_dh]}"


def esp_proposal(definition: Definition) -> str:
    """Such as `aes256gcm16-ecp384` or `3des-sha1-modp1024`."""
    parts = [_cipher(definition.esp)]
    if not definition.esp.is_combined:
        parts.append(_integrity(definition.hash))
    if definition.phase_two_dh is not DhGroup.OFF:
        parts.append(_GROUPS[definition.phase_two_dh])
    return "-".join(parts)


def selector(protocol: Protocol, port: int) -> str:
    """Such as `dynamic[tcp/443]`; `dynamic` is the host's own address."""
    if port == ANY_PORT:
        return "dynamic" if protocol is Protocol.ANY else f"dynamic[{protocol}]"
    return f"dynamic[{protocol}/{port}]"


def _cipher(cipher: Encryption | Esp) -> str:
    return _CIPHERS[cipher.value]


def _integrity(used: Hash) -> str:
    return used.value.lower()
