"""Signatures over a manifest of ours: the exact bytes, with SHA-256, by the keys of the services.

RSA by PKCS #1 v1.5 (RFC 8017, 8.2), ECDSA in DER (RFC 3279, 2.2.3), Ed25519 and Ed448 as they are
(RFC 8032).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256

from certificates.sentence import say
from certificates.x509.facts import describe_key
from certificates.x509.policy import is_legacy_key
from certificates.x509.uploads.limits import LARGEST_RSA_BITS

SigningKey: TypeAlias = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)
_USED_BESIDE_RSA = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
_SHORTEST_CURVE_BITS = 256  # what the product makes; NIST SP 800-131A asks for 224


@dataclass(frozen=True, slots=True)
class Signer:
    """A service's certificate and its key; `service`: tomcat or ipsec."""

    service: str
    certificate: x509.Certificate
    private_key: SigningKey = field(repr=False)


def weakness(key: PublicKeyTypes) -> str:
    """Why nobody may rely on a signature by this key; "" if one may."""
    kind, bits, label = describe_key(key)
    if isinstance(key, rsa.RSAPublicKey):
        if is_legacy_key(kind, bits):
            return say("RSA of {bits} bits is too short", bits=f"{bits:,}")
        if bits > LARGEST_RSA_BITS:
            return say("RSA of {bits} bits is too long", bits=f"{bits:,}")
        return ""
    if isinstance(key, ec.EllipticCurvePublicKey) and bits < _SHORTEST_CURVE_BITS:
        return say("an elliptic curve of {bits} bits is too short", bits=bits)
    if isinstance(key, _USED_BESIDE_RSA):
        return ""
    return say("{algorithm} is not used for it", algorithm=label or say("its type"))


def sign(key: SigningKey, data: bytes) -> bytes:
    """The signature of a key that is not weak."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(SHA256()))
    return key.sign(data)


def is_signed(key: PublicKeyTypes, signature: bytes, data: bytes) -> bool:
    """Whether `key` made the signature over `data`."""
    verify = _verifier(key)
    try:
        verify(signature, data)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _verifier(key: PublicKeyTypes) -> Callable[[bytes, bytes], None]:
    if isinstance(key, rsa.RSAPublicKey):
        return lambda signature, data: key.verify(signature, data, padding.PKCS1v15(), SHA256())
    if isinstance(key, ec.EllipticCurvePublicKey):
        return lambda signature, data: key.verify(signature, data, ec.ECDSA(SHA256()))
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return key.verify
    raise UnsupportedAlgorithm("a key of another type")
