"""Certificates put together from octets, so that each part can be wrong by itself.

All are signed by one key over what they really say: nothing is wrong but what a test makes wrong.
"""

import base64
from collections.abc import Callable, Sequence
from random import Random

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certificates.x509.der import BIT_STRING, INTEGER, OCTET_STRING, SEQUENCE, SET, encode

KEY = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
UTF8, PRINTABLE, IA5, UTC_TIME, GENERALIZED_TIME = 0x0C, 0x13, 0x16, 0x17, 0x18
VERSION_3 = bytes.fromhex("a003020102")
ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
VALIDITY = encode(UTC_TIME, b"260101000000Z") + encode(UTC_TIME, b"360101000000Z")
IS_CA = bytes.fromhex("30030101ff")
BASIC_CONSTRAINTS, SAN, POLICIES = "2.5.29.19", "2.5.29.17", "2.5.29.32"
NAME_CONSTRAINTS, POLICY_MAPPINGS = "2.5.29.30", "2.5.29.33"
MD5_RSA = bytes.fromhex("300d06092a864886f70d0101040500")
_RANDOM = Random(20261125)
DNS, EMAIL, URI, IP_ADDRESS = 0x82, 0x81, 0x86, 0x87


def oid(dotted: str) -> bytes:
    """An object identifier in DER."""
    first, second, *rest = map(int, dotted.split("."))
    content = b"".join(map(_base_128, (40 * first + second, *rest)))
    return encode(6, content)


def _base_128(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | 0x80)
    return bytes(reversed(octets))


def name(*values: str | bytes, attribute: str = "2.5.4.3", tag: int = UTF8) -> bytes:
    """A Name with one attribute a value."""
    octets = (value.encode() if isinstance(value, str) else value for value in values)
    parts = (encode(SEQUENCE, oid(attribute) + encode(tag, value)) for value in octets)
    return encode(SEQUENCE, b"".join(encode(SET, part) for part in parts))


def integer(number: int) -> bytes:
    return encode(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def extension(dotted: str, value: bytes, *, critical: bytes = b"") -> bytes:
    """`critical`: the octets of the BOOLEAN, if there is one."""
    return encode(SEQUENCE, oid(dotted) + critical + encode(OCTET_STRING, value))


CRITICAL = b"\x01\x01\xff"
CA = extension(BASIC_CONSTRAINTS, IS_CA, critical=CRITICAL)


def san(*names: tuple[int, bytes | str]) -> bytes:
    """Alternative names by their tags."""
    octets = (
        encode(tag, value.encode() if isinstance(value, str) else value) for tag, value in names
    )
    return extension(SAN, encode(SEQUENCE, b"".join(octets)))


SUBTREE = encode(SEQUENCE, encode(DNS, b"a.b"))  # of name constraints


def key_info(key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def rsa_info(modulus: int, exponent: int = 65537) -> bytes:
    """The SubjectPublicKeyInfo of any two numbers."""
    return info(
        bytes.fromhex("06092a864886f70d0101010500"),
        encode(SEQUENCE, integer(modulus) + integer(exponent)),
    )


def info(algorithm: bytes, key: bytes) -> bytes:
    return encode(SEQUENCE, encode(SEQUENCE, algorithm) + encode(BIT_STRING, b"\0" + key))


def craft(
    *extensions: bytes,
    version: bytes = VERSION_3,
    serial: bytes = b"\x02\x01\x05",
    algorithm: bytes = ECDSA_SHA256,
    issuer: bytes | None = None,
    validity: bytes = VALIDITY,
    subject: bytes | None = None,
    public_key: bytes | None = None,
    unique_ids: bytes = b"",
    outer_algorithm: bytes | None = None,
    signature: bytes | None = None,
    sign: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """A certificate of a server, from "Lab CA" unless another issuer is given."""
    parts = [version, serial, algorithm, name("Lab CA") if issuer is None else issuer]
    parts += [encode(SEQUENCE, validity), name("ccx1.example.com") if subject is None else subject]
    parts += [public_key or key_info(), unique_ids]
    if extensions:
        parts.append(encode(0xA3, encode(SEQUENCE, b"".join(extensions))))
    signed = encode(SEQUENCE, b"".join(parts))
    made = (sign or _sign)(signed) if signature is None else signature
    ending = (outer_algorithm or algorithm) + encode(BIT_STRING, b"\0" + made)
    return encode(SEQUENCE, signed + ending)


def _sign(signed: bytes) -> bytes:
    return KEY.sign(signed, ec.ECDSA(hashes.SHA256()))


def craft_ca(*extensions: bytes, **parts: bytes) -> bytes:
    """A self-signed CA certificate whose signature is right."""
    whole = {"issuer": name("Lab CA"), "subject": name("Lab CA")} | parts
    return craft(CA, *extensions, **whole)  # type: ignore[arg-type] # no part of it is `sign`


def curve_info(curve: str, point: bytes = b"\x04" + bytes(64)) -> bytes:
    """The SubjectPublicKeyInfo of any octets on a named curve."""
    return info(oid("1.2.840.10045.2.1") + oid(curve), point)


def odd(bits: int) -> int:
    """A number of that length, the same ones in the same order; of no known factors."""
    return _RANDOM.getrandbits(bits) | 1 << bits - 1 | 1


def nested(levels: int) -> bytes:
    heads, size = [], 0
    for _ in range(levels):
        octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
        head = (
            bytes((SEQUENCE, size))
            if size < 0x80
            else bytes((SEQUENCE, 0x80 | len(octets))) + octets
        )
        heads.append(head)
        size += len(head)
    return b"".join(reversed(heads))


def pkcs7(certificates: Sequence[bytes], *, content: bytes = b"", ending: bytes = b"") -> bytes:
    """SignedData with certificates; `content` and `ending` (CRLs) as they are put in."""
    data = encode(SEQUENCE, oid("1.2.840.113549.1.7.1") + content)
    bag = encode(0xA0, b"".join(certificates)) if certificates else b""
    signed = encode(SEQUENCE, b"\x02\x01\x01\x31\x00" + data + bag + ending + b"\x31\x00")
    return encode(SEQUENCE, oid("1.2.840.113549.1.7.2") + encode(0xA0, signed))


def pem(der: bytes, label: str = "CERTIFICATE") -> bytes:
    lines = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n".encode()
