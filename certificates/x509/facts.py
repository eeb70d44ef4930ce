"""What the list finds and sorts by, read from one certificate: values that can't fail any more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha1, sha256
from typing import Any, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.loading import (
    DECODING_ERRORS,
    Loaded,
    load_what_is_readable,
    quietly,
    readable_extensions,
)
from certificates.x509.name_digest import name_digests
from certificates.x509.object_names import SIGNATURES
from certificates.x509.visible import visible

__all__ = [
    "COSTLY_KEYS",
    "DECODING_ERRORS",
    "CertificateType",
    "Facts",
    "KeyType",
    "common_name",
    "describe_key",
    "public_key",
    "public_key_fingerprint",
    "read_facts",
    "signature_algorithm",
]

_T = TypeVar("_T")
# Diffie-Hellman (RFC 3279, 2.3.3; PKCS #3): to load such a key the library tests whether its
# modulus is prime, 31 s for a good one of 8,192 bits. A stranger's certificate must not cost that.
COSTLY_KEYS = {"1.2.840.10046.2.1", "1.2.840.113549.1.3.1"}


class CertificateType(StrEnum):
    SELF_SIGNED = "self-signed"
    CA_SIGNED = "ca-signed"

    @property
    def label(self) -> str:
        return say("Self-signed") if self is CertificateType.SELF_SIGNED else say("CA-signed")


_TYPES = {True: CertificateType.SELF_SIGNED, False: CertificateType.CA_SIGNED}


class KeyType(StrEnum):
    RSA = "RSA"
    EC = "EC"
    ED25519 = "Ed25519"
    ED448 = "Ed448"
    DSA = "DSA"
    UNKNOWN = "unknown"

    @property
    def label(self) -> str:
        return say("Unknown") if self is KeyType.UNKNOWN else self.value


@dataclass(frozen=True, slots=True)
class Facts:
    """What one certificate says.

    Names are RFC 4514 text without invisible characters; fingerprints, key identifiers and the
    serial number are lower-case hexadecimal; times are UTC, None where they can't be decoded.
    The digests are those of `name_digests`, by which a certificate and its issuer find each other.
    `undecoded` names each part that is there but can't be decoded, and says why.
    """

    der: bytes
    common_name: str
    subject: str
    issuer_common_name: str
    issuer: str
    serial_number: str
    not_before: datetime | None
    not_after: datetime | None
    type: str
    key_type: str
    key_bits: int
    key_label: str
    signature_algorithm: str
    fingerprint: str
    fingerprint_sha1: str
    subject_key_identifier: str
    authority_key_identifier: str
    subject_alternative_names: str
    subject_digest: str
    issuer_digest: str
    undecoded: tuple[str, ...]


def read_facts(
    der: bytes, loaded: Loaded | None = None, *, is_own_signature: bool | None = None
) -> Facts:
    """Read one certificate in DER; parts that can't be decoded leave their column empty.

    Args:
        loaded: what `load_what_is_readable` made of it, where that was asked already.
        is_own_signature: whether its own key made its signature, where that is known already.

    Raises:
        Refused: parse. Nothing in it can be read.
    """
    try:
        loaded = loaded or load_what_is_readable(der)
    except ValueError as error:
        wrong = say("These {count} bytes are not an X.509 certificate in DER.", count=len(der))
        raise Refused("parse", wrong, say("Export it again, as DER encoded X.509.")) from error
    certificate, part = loaded.certificate, _Parts(loaded)
    extensions = part.read("extensions", lambda: certificate.extensions, None)
    if extensions is None:
        extensions = part.read("extensions", lambda: readable_extensions(der), x509.Extensions([]))
    subject_digest, issuer_digest = name_digests(der)
    values = {type(found.value): found.value for found in reversed(list(extensions))}
    key = part.read("public key", lambda: public_key(certificate), None)
    key_type, key_bits, key_label = describe_key(key)
    nobody = x509.Name([])
    serial = part.read("serial", lambda: certificate.serial_number, 0)
    subject = part.read("subject", lambda: certificate.subject, nobody)
    issuer = part.read("issuer", lambda: certificate.issuer, nobody)
    return Facts(
        der=der,
        common_name=common_name(subject),
        subject=visible(subject.rfc4514_string()),
        issuer_common_name=common_name(issuer),
        issuer=visible(issuer.rfc4514_string()),
        serial_number=f"{serial:x}",
        not_before=part.read("not before", lambda: certificate.not_valid_before_utc, None),
        not_after=part.read("not after", lambda: certificate.not_valid_after_utc, None),
        type=_signed_by_itself(loaded, key, subject, issuer, is_own_signature).value,
        key_type=key_type.value,
        key_bits=key_bits,
        key_label=key_label,
        signature_algorithm=part.read("algorithm", lambda: signature_algorithm(certificate), ""),
        fingerprint=sha256(der).hexdigest(),
        fingerprint_sha1=sha1(der, usedforsecurity=False).hexdigest(),
        subject_key_identifier=subject_key_identifier(values),
        authority_key_identifier=authority_key_identifier(values),
        subject_alternative_names=alternative_names(values),
        subject_digest=subject_digest,
        issuer_digest=issuer_digest,
        undecoded=tuple(part.undecoded),
    )


class _Parts:
    def __init__(self, loaded: Loaded) -> None:
        self._unreadable = loaded.unreadable
        self.undecoded = [f"{name}: {visible(why)[:300]}" for name, why in loaded.corrected.items()]

    def read(self, name: str, decode: Callable[[], _T], otherwise: _T) -> _T:
        try:
            if name in self._unreadable:
                raise ValueError(self._unreadable[name])
            with quietly:
                return decode()
        except DECODING_ERRORS as error:
            self.undecoded.append(f"{name}: {visible(str(error))[:300]}")
            return otherwise


def common_name(name: x509.Name) -> str:
    """The last common name, as the most specific one stands last; "" without any."""
    values = [_text(part.value) for part in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return visible(values[-1]) if values else ""


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


# Curves by the name that operators know them by; any other by its own name.
NIST_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def describe_key(key: PublicKeyTypes | None) -> tuple[KeyType, int, str]:
    """Type, size in bits (0 where a size says nothing), and both in words: "RSA 3072"."""
    if isinstance(key, rsa.RSAPublicKey):
        return KeyType.RSA, key.key_size, f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        curve = NIST_CURVES.get(key.curve.name, key.curve.name)
        return KeyType.EC, key.key_size, f"EC {curve}"
    if isinstance(key, dsa.DSAPublicKey):
        return KeyType.DSA, key.key_size, f"DSA {key.key_size}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return KeyType.ED25519, 256, "Ed25519"
    if isinstance(key, ed448.Ed448PublicKey):
        return KeyType.ED448, 456, "Ed448"
    return KeyType.UNKNOWN, 0, "Unknown"


def public_key(certificate: x509.Certificate) -> PublicKeyTypes:
    """The key, of a kind that is cheap to load. Raises one of `DECODING_ERRORS`."""
    oid = certificate.public_key_algorithm_oid.dotted_string
    if oid in COSTLY_KEYS:
        raise UnsupportedAlgorithm(say("Diffie-Hellman keys ({oid}) are not read", oid=oid))
    return certificate.public_key()


def _signed_by_itself(
    loaded: Loaded,
    key: PublicKeyTypes | None,
    subject: x509.Name,
    issuer: x509.Name,
    known: bool | None,
) -> CertificateType:
    if known is not None:
        return _TYPES[known]
    if subject != issuer:
        return CertificateType.CA_SIGNED
    if key is None or loaded.unreadable or loaded.corrected:
        return CertificateType.SELF_SIGNED  # nothing can check it: the names decide
    try:
        loaded.certificate.verify_directly_issued_by(loaded.certificate)
    except InvalidSignature:
        return CertificateType.CA_SIGNED  # a subordinate that carries its issuer's name
    except DECODING_ERRORS:
        pass  # SHA-1, MD5 and unknown keys can't be checked here: the names decide
    return CertificateType.SELF_SIGNED


def signature_algorithm(certificate: x509.Certificate) -> str:
    """Such as "SHA-256 with RSA encryption"; the dotted object identifier where it is unknown."""
    oid = certificate.signature_algorithm_oid.dotted_string
    return SIGNATURES.get(oid, oid)


def subject_key_identifier(values: Mapping[type, Any]) -> str:
    found = values.get(x509.SubjectKeyIdentifier)
    return found.digest.hex() if found else ""


def authority_key_identifier(values: Mapping[type, Any]) -> str:
    found = values.get(x509.AuthorityKeyIdentifier)
    return (found.key_identifier or b"").hex() if found else ""


def alternative_names(values: Mapping[type, Any]) -> str:
    names = values.get(x509.SubjectAlternativeName, ())
    return ", ".join(visible(_general_name(name)) for name in names)


def _general_name(name: x509.GeneralName) -> str:
    value = name.value
    if isinstance(value, x509.Name):
        return value.rfc4514_string()
    if isinstance(value, x509.ObjectIdentifier):
        return value.dotted_string
    return value.hex() if isinstance(value, bytes) else str(value)


def public_key_fingerprint(key: PublicKeyTypes) -> str:
    """SHA-256 of the SubjectPublicKeyInfo in DER, hexadecimal."""
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(info).hexdigest()
