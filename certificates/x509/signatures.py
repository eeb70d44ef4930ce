"""Whether one key made the signature of one certificate, and which signatures are weak.

The library checks the links of a path as a whole, or not those of SHA-1 and MD5; to find paths,
each link is asked by itself.
"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from certificates.sentence import say
from certificates.x509 import der
from certificates.x509.der import DerError, Element

_SHA1, _MD5 = hashes.SHA1(), hashes.MD5()  # noqa: S303 - to check, and to report as legacy
_SHA2 = {1: hashes.SHA256(), 2: hashes.SHA384(), 3: hashes.SHA512(), 4: hashes.SHA224()}
_SHA3 = (hashes.SHA3_224(), hashes.SHA3_256(), hashes.SHA3_384(), hashes.SHA3_512())
_RSA: dict[str, hashes.HashAlgorithm] = {
    "1.2.840.113549.1.1.4": _MD5,
    "1.2.840.113549.1.1.5": _SHA1,
    "1.3.14.3.2.29": _SHA1,
    "1.2.840.113549.1.1.11": _SHA2[1],
    "1.2.840.113549.1.1.12": _SHA2[2],
    "1.2.840.113549.1.1.13": _SHA2[3],
    "1.2.840.113549.1.1.14": _SHA2[4],
    **{f"2.16.840.1.101.3.4.3.{13 + place}": name for place, name in enumerate(_SHA3)},
}
_ECDSA: dict[str, hashes.HashAlgorithm] = {
    "1.2.840.10045.4.1": _SHA1,
    "1.2.840.10045.4.3.1": _SHA2[4],
    "1.2.840.10045.4.3.2": _SHA2[1],
    "1.2.840.10045.4.3.3": _SHA2[2],
    "1.2.840.10045.4.3.4": _SHA2[3],
    **{f"2.16.840.1.101.3.4.3.{9 + place}": name for place, name in enumerate(_SHA3)},
}
_DSA: dict[str, hashes.HashAlgorithm] = {
    "1.2.840.10040.4.3": _SHA1,
    "1.3.14.3.2.27": _SHA1,
    "2.16.840.1.101.3.4.3.1": _SHA2[4],
    "2.16.840.1.101.3.4.3.2": _SHA2[1],
    "2.16.840.1.101.3.4.3.3": _SHA2[2],
    "2.16.840.1.101.3.4.3.4": _SHA2[3],
}
_PSS, _MGF1 = "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8"
_ED25519, _ED448 = "1.3.101.112", "1.3.101.113"
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1.3.14.3.2.26": _SHA1,
    **{f"2.16.840.1.101.3.4.2.{number}": name for number, name in _SHA2.items()},
    **{f"2.16.840.1.101.3.4.2.{7 + place}": name for place, name in enumerate(_SHA3)},
}
_LONGEST_SALT = 1024  # octets

# What one check costs, in checks with RSA 2048 (20 µs): measured, rounded up.
_EC_COSTS = {256: 4}
_EC_COST, _EDWARDS_COST, _DSA_COST = 35, 10, 40
_RSA_STEP_BITS = 2048


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate's three parts; `algorithm` is its outer AlgorithmIdentifier."""

    content: bytes
    algorithm: Element
    signature: bytes


def algorithm_identifier(algorithm: Element) -> str:
    """The object identifier of an AlgorithmIdentifier. Raises `DerError`."""
    first = next(algorithm.children(), None)
    if first is None:
        raise DerError(algorithm.start, say("no algorithm is named"))
    return der.dotted(first)


def is_made_by(signed: Signed, key: PublicKeyTypes) -> bool:
    """Whether `key` made the signature; also no where nobody here can check it."""
    try:
        return _check(signed, algorithm_identifier(signed.algorithm), key)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False


def _check(signed: Signed, algorithm: str, key: PublicKeyTypes) -> bool:
    if isinstance(key, rsa.RSAPublicKey) and algorithm == _PSS:
        pss, digest = _pss(signed.algorithm)
        key.verify(signed.signature, signed.content, pss, digest)
    elif isinstance(key, rsa.RSAPublicKey) and algorithm in _RSA:
        key.verify(signed.signature, signed.content, padding.PKCS1v15(), _RSA[algorithm])
    elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm in _ECDSA:
        key.verify(signed.signature, signed.content, ec.ECDSA(_ECDSA[algorithm]))
    elif isinstance(key, dsa.DSAPublicKey) and algorithm in _DSA:
        key.verify(signed.signature, signed.content, _DSA[algorithm])
    elif (isinstance(key, ed25519.Ed25519PublicKey) and algorithm == _ED25519) or (
        isinstance(key, ed448.Ed448PublicKey) and algorithm == _ED448
    ):
        key.verify(signed.signature, signed.content)
    else:
        return False
    return True


def _pss(algorithm: Element) -> tuple[padding.PSS, hashes.HashAlgorithm]:
    """RFC 4055, 3.1: what is left out is SHA-1 and a salt of 20 octets."""
    parts = list(algorithm.children())[1:]
    given = {part.tag: _inner(part) for part in (parts[0].children() if parts else ())}
    digest = _hash(given[0xA0]) if 0xA0 in given else _SHA1  # noqa: PLR2004
    masking: hashes.HashAlgorithm = _SHA1
    if 0xA1 in given:  # noqa: PLR2004
        function, inner = given[0xA1].children()
        if der.dotted(function) != _MGF1:
            raise DerError(function.start, say("an unknown mask generation function"))
        masking = _hash(inner)
    salt = given[0xA2].expect(der.INTEGER).content if 0xA2 in given else b"\x14"  # noqa: PLR2004
    salt_length = int.from_bytes(salt, "big")
    if salt_length > _LONGEST_SALT:
        raise DerError(algorithm.start, say("a salt too long"))
    return padding.PSS(padding.MGF1(masking), salt_length), digest


def _inner(part: Element) -> Element:
    (element,) = part.children()
    return element


def _hash(algorithm: Element) -> hashes.HashAlgorithm:
    found = _HASHES.get(algorithm_identifier(algorithm))
    if found is None:
        raise DerError(algorithm.start, say("an unknown hash function"))
    return found


def is_checkable(algorithm: Element) -> bool:
    """Whether there is anybody here who can check such signatures at all."""
    oid = algorithm_identifier(algorithm)
    if oid == _PSS:
        try:
            _pss(algorithm)
        except ValueError:
            return False
    return oid in {_PSS, _ED25519, _ED448} or any(oid in table for table in (_RSA, _ECDSA, _DSA))


def weak_hash(algorithm: Element) -> str:
    """Such as "MD5" where the signature is legacy (NIST SP 800-131A Rev. 2, 9), else ""."""
    oid = algorithm_identifier(algorithm)
    try:
        digest = _pss(algorithm)[1] if oid == _PSS else None
    except ValueError:
        return ""
    for table in (_RSA, _ECDSA, _DSA):
        digest = digest or table.get(oid)
    return {"sha1": "SHA-1", "md5": "MD5"}.get(digest.name, "") if digest else ""


def cost(key: PublicKeyTypes) -> int:
    """Of one check, in units of one with RSA 2048."""
    if isinstance(key, rsa.RSAPublicKey):
        return max(1, key.key_size // _RSA_STEP_BITS) ** 2
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _EC_COSTS.get(key.key_size, _EC_COST)
    return _DSA_COST if isinstance(key, dsa.DSAPublicKey) else _EDWARDS_COST
