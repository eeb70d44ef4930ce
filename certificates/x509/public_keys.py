"""Public keys in words (RFC 5280, 4.1.2.7)."""

from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from certificates.sentence import say
from certificates.x509.decoding import DECODING_ERRORS, hexadecimal, octets, reason, undecoded
from certificates.x509.der import DerError, Element, dotted
from certificates.x509.facts import COSTLY_KEYS
from certificates.x509.object_names import KEY_ALGORITHMS, named

_NIST_CURVES = {"secp192r1": "P-192", "secp224r1": "P-224", "secp256r1": "P-256"}
_NIST_CURVES |= {"secp384r1": "P-384", "secp521r1": "P-521"}
_LARGE_EXPONENT = 1 << 64


def describe_public_key(info: Element) -> tuple[list[str], str]:
    """The lines, and a sentence if the key can't be decoded ("" if it can).

    Args:
        info: the SubjectPublicKeyInfo as it stands in the certificate.
    """
    algorithm, bits = _two_parts(info)
    oid = dotted(next(algorithm.children(), algorithm))
    name = named(oid, KEY_ALGORITHMS)
    algorithm_line = say("Algorithm {name}", name=name)
    as_it_is = [algorithm_line, say("Key: {octets}", octets=octets(bits.content[1:]))]
    if oid in COSTLY_KEYS:
        return as_it_is, ""
    try:
        key = load_der_public_key(info.raw)
        words = next((words for kind, words in _KINDS.items() if isinstance(key, kind)), None)
        if words is None:
            return as_it_is, ""
        return list(words(key)), ""
    except DECODING_ERRORS as error:
        why = say(
            "Public key, {name}: It can't be decoded: {reason}.", name=name, reason=reason(error)
        )
        return [algorithm_line, undecoded(info.raw)], why


def _two_parts(info: Element) -> tuple[Element, Element]:
    parts = list(info.children())
    if len(parts) != 2:  # noqa: PLR2004 - algorithm and key
        raise DerError(info.start, say("a public key is not made of an algorithm and a key"))
    return parts[0], parts[1]


def _rsa(key: rsa.RSAPublicKey) -> Iterator[str]:
    numbers = key.public_numbers()
    small = numbers.e < _LARGE_EXPONENT
    yield say("RSA, {bits} bits", bits=key.key_size)
    yield say("Exponent {number}", number=numbers.e if small else hexadecimal(numbers.e))
    yield say("Modulus: {number}", number=hexadecimal(numbers.n))


def _elliptic_curve(key: ec.EllipticCurvePublicKey) -> Iterator[str]:
    name = key.curve.name
    known = f"{_NIST_CURVES[name]} ({name})" if name in _NIST_CURVES else name
    yield say("Elliptic curve {curve}, {bits} bits", curve=known, bits=key.key_size)
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    yield say("Point: {octets}", octets=octets(point))


def _dsa(key: dsa.DSAPublicKey) -> Iterator[str]:
    numbers = key.public_numbers()
    domain = numbers.parameter_numbers
    yield say("DSA, {bits} bits", bits=key.key_size)
    for letter, number in (("P", domain.p), ("Q", domain.q), ("G", domain.g), ("Y", numbers.y)):
        yield f"{letter}: {hexadecimal(number)}"


def _raw(algorithm: str, bits: int) -> Callable[[Any], Iterator[str]]:
    def words(key: Any) -> Iterator[str]:
        yield say("{algorithm}, {bits} bits", algorithm=algorithm, bits=bits)
        yield say("Key: {octets}", octets=octets(key.public_bytes_raw()))

    return words


# The abstract classes: what the library hands out are instances of private ones.
_KINDS: dict[type, Callable[[Any], Iterator[str]]] = {
    rsa.RSAPublicKey: _rsa,
    ec.EllipticCurvePublicKey: _elliptic_curve,
    dsa.DSAPublicKey: _dsa,
    ed25519.Ed25519PublicKey: _raw("Ed25519", 256),
    ed448.Ed448PublicKey: _raw("Ed448", 456),
    x25519.X25519PublicKey: _raw("X25519", 256),
    x448.X448PublicKey: _raw("X448", 448),
}
