"""Combinations of algorithms: the 180 of the manual's Table 2, and modern ones.

What each has to be in IKE and in the kernel is written down here anew, from RFC and IANA names,
so that a wrong word in the product does not agree with itself.
"""

from itertools import product
from typing import Any

ESP = ("NULL_ENC", "DES", "3DES", "BLOWFISH", "RIJNDAEL")
ENCRYPTION = ("DES", "3DES")
HASH = ("SHA1", "MD5")
DH = (2, 1, 5)


def _combination(version: int, values: tuple[Any, ...]) -> dict[str, Any]:
    names = ("esp", "encryption", "hash", "phase_one_dh", "phase_two_dh")
    return {"ike_version": version, **dict(zip(names, values, strict=True))}


MANUAL = [_combination(1, values) for values in product(ESP, ENCRYPTION, HASH, DH, DH)]
# Each ESP algorithm with each encryption and hash, and all pairs of groups more than once.
SAMPLE = [
    _combination(1, (*values, DH[number % 3], DH[number // 3 % 3]))
    for number, values in enumerate(product(ESP, ENCRYPTION, HASH))
]
# 20 of IKEv2; group 0: no exchange of its own in phase two (PFS off).
MODERN = [
    _combination(2, values)
    for values in (
        ("AES-128", "AES-128", "SHA256", 14, 14),
        ("AES-128", "AES-128", "SHA256", 19, 0),
        ("AES-128", "AES-256", "SHA384", 15, 15),
        ("AES-256", "AES-256", "SHA256", 14, 0),
        ("AES-256", "AES-256", "SHA384", 20, 20),
        ("AES-256", "AES-256", "SHA512", 16, 16),
        ("AES-256", "AES-128", "SHA512", 21, 21),
        ("AES-256", "AES-256", "SHA512", 18, 0),
        ("AES-128-GCM", "AES-128-GCM", "SHA256", 19, 19),
        ("AES-128-GCM", "AES-128", "SHA256", 31, 31),
        ("AES-128-GCM", "AES-256-GCM", "SHA384", 17, 0),
        ("AES-256-GCM", "AES-256-GCM", "SHA384", 20, 20),
        ("AES-256-GCM", "AES-256-GCM", "SHA512", 21, 0),
        ("AES-256-GCM", "AES-256", "SHA512", 14, 19),
        ("AES-256-GCM", "CHACHA20-POLY1305", "SHA256", 31, 14),
        ("CHACHA20-POLY1305", "CHACHA20-POLY1305", "SHA256", 31, 31),
        ("CHACHA20-POLY1305", "CHACHA20-POLY1305", "SHA512", 20, 0),
        ("CHACHA20-POLY1305", "AES-256-GCM", "SHA384", 31, 20),
        ("RIJNDAEL", "AES-128", "SHA256", 14, 15),
        ("AES-256", "CHACHA20-POLY1305", "SHA384", 21, 31),
    )
]

# Phase one, as charon tells it: cipher and bits of its key; integrity, pseudo-random function.
_IKE_CIPHERS = {
    "DES": ("DES_CBC", ""),
    "3DES": ("3DES_CBC", ""),
    "AES-128": ("AES_CBC", "128"),
    "AES-256": ("AES_CBC", "256"),
    "AES-128-GCM": ("AES_GCM_16", "128"),
    "AES-256-GCM": ("AES_GCM_16", "256"),
    "CHACHA20-POLY1305": ("CHACHA20_POLY1305", ""),
}
_IKE_HASHES = {
    "MD5": ("HMAC_MD5_96", "PRF_HMAC_MD5"),
    "SHA1": ("HMAC_SHA1_96", "PRF_HMAC_SHA1"),
    "SHA256": ("HMAC_SHA2_256_128", "PRF_HMAC_SHA2_256"),
    "SHA384": ("HMAC_SHA2_384_192", "PRF_HMAC_SHA2_384"),
    "SHA512": ("HMAC_SHA2_512_256", "PRF_HMAC_SHA2_512"),
}
_IKE_GROUPS = {
    1: "MODP_768", 2: "MODP_1024", 5: "MODP_1536", 14: "MODP_2048", 15: "MODP_3072",
    16: "MODP_4096", 17: "MODP_6144", 18: "MODP_8192", 19: "ECP_256", 20: "ECP_384",
    21: "ECP_521", 31: "CURVE_25519",
}  # fmt: skip
# Phase two, as the Linux kernel has it: its algorithm and the bits of its key, with the salt.
_KERNEL_CIPHERS = {
    "NULL_ENC": "ecb(cipher_null) 0",
    "DES": "cbc(des) 64",
    "3DES": "cbc(des3_ede) 192",
    "BLOWFISH": "cbc(blowfish) 128",
    "RIJNDAEL": "cbc(aes) 128",
    "AES-128": "cbc(aes) 128",
    "AES-256": "cbc(aes) 256",
    "AES-128-GCM": "rfc4106(gcm(aes)) 160",
    "AES-256-GCM": "rfc4106(gcm(aes)) 288",
    "CHACHA20-POLY1305": "rfc7539esp(chacha20,poly1305) 288",
}
_KERNEL_HASHES = {
    "MD5": "hmac(md5) 128",
    "SHA1": "hmac(sha1) 160",
    "SHA256": "hmac(sha256) 256",
    "SHA384": "hmac(sha384) 384",
    "SHA512": "hmac(sha512) 512",
}
_COMBINED = ("GCM", "POLY1305")


def expected_ike(fields: dict[str, Any]) -> dict[str, str]:
    """Phase one as it has to be told by vici's list-sa; "" for what is not told."""
    cipher, bits = _IKE_CIPHERS[fields["encryption"]]
    integrity, pseudo_random = _IKE_HASHES[fields["hash"]]
    return {
        "version": str(fields["ike_version"]),
        "encr-alg": cipher,
        "encr-keysize": bits,
        "integ-alg": "" if _is_combined(cipher) else integrity,
        "prf-alg": pseudo_random,
        "dh-group": _IKE_GROUPS[fields["phase_one_dh"]],
    }


def expected_dh(fields: dict[str, Any]) -> str:
    """The group of phase two; the first keys of IKEv2 come from phase one (RFC 7296, 1.2)."""
    group = fields["phase_two_dh"]
    return _IKE_GROUPS[group] if group and fields["ike_version"] == 1 else ""


def expected_kernel(fields: dict[str, Any]) -> list[list[str]]:
    """The two SAs, one a direction, as `scenes.kernel_algorithms` tells them."""
    algorithms = [_KERNEL_CIPHERS[fields["esp"]]]
    if not _is_combined(fields["esp"]):
        algorithms.append(_KERNEL_HASHES[fields["hash"]])
    return [["transport", *sorted(algorithms)]] * 2


def _is_combined(name: str) -> bool:
    return any(part in name for part in _COMBINED)


def title(fields: dict[str, Any]) -> str:
    """Short, and a name of its own."""
    phases = f"{fields['encryption']}-{fields['hash']}-{fields['phase_one_dh']}"
    return f"ikev{fields['ike_version']}_{phases}_{fields['esp']}-{fields['phase_two_dh']}"
