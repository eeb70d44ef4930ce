"""Which public keys are taken, judged from their DER before any library computes with them.

RFC 3279, 2.3.1 and RFC 8017, A.1.1 (RSA); RFC 5480, 2.1 (elliptic curves); RFC 8410 (Edwards).
"""

from collections.abc import Iterator
from functools import cache
from math import isqrt

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certificates.refusal import Finding, Outcome, Refused
from certificates.sentence import lowered, say
from certificates.x509.der import (
    BIT_STRING,
    INTEGER,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    DerError,
    Element,
    dotted,
    only_element,
)
from certificates.x509.facts import DECODING_ERRORS
from certificates.x509.object_names import KEY_ALGORITHMS, named
from certificates.x509.uploads.limits import (
    FERMAT_ROUNDS,
    LARGEST_EXPONENT_BITS,
    LARGEST_RSA_BITS,
    LEGACY_RSA_BITS,
    WEAKEST_RSA_BITS,
)

_ELLIPTIC_CURVE = "1.2.840.10045.2.1"
_RSA = {"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10"}
_EDWARDS = {"1.3.101.112", "1.3.101.113"}
_CURVES = {"1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"}
_P192 = "1.2.840.10045.3.1.1"
_CURVE_NAMES = {
    "1.3.132.0.33": "P-224",
    "1.3.132.0.10": "secp256k1",
    "1.3.36.3.3.2.8.1.1.7": "brainpoolP256r1",
    "1.3.36.3.3.2.8.1.1.11": "brainpoolP384r1",
    "1.3.36.3.3.2.8.1.1.13": "brainpoolP512r1",
    "1.2.156.10197.1.301": "SM2",
}
_SMALLEST_EXPONENT = 3
_CURE = say("Have a new key and certificate made: RSA of 2048 bits or more, or EC P-256 or P-384.")
_REISSUE = say("Have the certificate issued again.")
# Small numbers without a common divisor: what a square leaves when divided by each is known, and
# of 1,000 other numbers one passes all.
_DIVISORS = (64, 63, 65, 11, 17, 19, 23)


def judge_public_key(called: str, info: Element) -> Iterator[Finding]:
    """Judge a SubjectPublicKeyInfo.

    Raises:
        DerError: it is not built like one.
        Refused: key.weak, key.size, key.bad, key.type, key.explicit-curve.
    """
    parts = list(info.children())
    if [part.tag for part in parts] != [SEQUENCE, BIT_STRING]:
        raise DerError(info.start, say("a public key is not made of an algorithm and a key"))
    algorithm = list(parts[0].children())
    oid = dotted(algorithm[0]) if algorithm else ""
    if oid in _RSA:
        yield from _judge_rsa(called, only_element(parts[1].content[1:]))
    elif oid == _ELLIPTIC_CURVE:
        _judge_curve(called, parts[0], algorithm[1:])
    elif oid not in _EDWARDS:
        wrong = say(
            "{called} has a key of a type that is not supported: {name}.",
            called=called,
            name=named(oid, KEY_ALGORITHMS),
        )
        raise Refused("key.type", wrong, _CURE)


def loaded_public_key(called: str, info: bytes) -> PublicKeyTypes:
    """The key of a SubjectPublicKeyInfo that `judge_public_key` has let through.

    Raises:
        Refused: parse, for a point that is not on its curve above all.
    """
    try:
        return load_der_public_key(info)
    except DECODING_ERRORS as error:
        wrong = say(
            "The public key of {called} can't be read: it is not a valid key.",
            called=lowered(called),
        )
        raise Refused("parse", wrong, _REISSUE) from error


def _judge_rsa(called: str, key: Element) -> Iterator[Finding]:
    parts = list(key.expect(SEQUENCE).children())
    if [part.tag for part in parts] != [INTEGER, INTEGER]:
        raise DerError(key.start, say("an RSA key is not made of a modulus and an exponent"))
    modulus, exponent = (int.from_bytes(part.content, "big", signed=True) for part in parts)
    _refuse_bad_modulus(called, modulus)
    _refuse_bad_exponent(called, exponent)
    if has_adjacent_primes(modulus):
        wrong = say(
            "{called} has an RSA key made of two primes so close that anybody can find them.",
            called=called,
        )
        raise Refused("key.weak", wrong, _CURE)
    if modulus.bit_length() < LEGACY_RSA_BITS:
        sentence = say(
            "{called} has an RSA key of only {bits} bits.",
            called=called,
            bits=modulus.bit_length(),
        )
        cure = say(
            "Keys of {bits} bits or more are the measure of today.",
            bits=LEGACY_RSA_BITS,
        )
        yield Finding("key.weak", sentence, cure, Outcome.WARN, is_legacy=True)
    if exponent == _SMALLEST_EXPONENT:
        sentence = say("{called} has an RSA key with the exponent 3.", called=called)
        yield Finding("key.bad", sentence, say("65537 is usual."), Outcome.WARN, is_legacy=True)


def _refuse_bad_modulus(called: str, modulus: int) -> None:
    bits = modulus.bit_length()
    if modulus <= 0 or modulus % 2 == 0:
        how = say("even") if modulus > 0 else say("negative or zero")
        wrong = say(
            "{called} has an RSA key whose modulus is {how}: it is no RSA key.",
            called=called,
            how=how,
        )
        raise Refused("key.bad", wrong, _CURE)
    if bits < WEAKEST_RSA_BITS:
        wrong = say(
            "{called} has an RSA key of {bits} bits; under {least} it can be broken.",
            called=called,
            bits=bits,
            least=WEAKEST_RSA_BITS,
        )
        raise Refused("key.weak", wrong, _CURE)
    if bits > LARGEST_RSA_BITS:
        wrong = say(
            "{called} has an RSA key of {bits} bits; up to {most} are taken.",
            called=called,
            bits=f"{bits:,}",
            most=f"{LARGEST_RSA_BITS:,}",
        )
        raise Refused("key.size", wrong, _CURE)


def _refuse_bad_exponent(called: str, exponent: int) -> None:
    if exponent < _SMALLEST_EXPONENT or exponent % 2 == 0:
        how = say("even") if exponent >= _SMALLEST_EXPONENT else say("under 3")
        wrong = say(
            "{called} has an RSA key whose exponent is {how}: it protects nothing.",
            called=called,
            how=how,
        )
        raise Refused("key.bad", wrong, _CURE)
    if exponent.bit_length() > LARGEST_EXPONENT_BITS:
        wrong = say(
            "{called} has an RSA key with an exponent of {bits} bits; {most} are taken.",
            called=called,
            bits=f"{exponent.bit_length():,}",
            most=LARGEST_EXPONENT_BITS,
        )
        raise Refused("key.bad", wrong, _CURE)


def has_adjacent_primes(modulus: int) -> bool:
    """Whether Fermat's method factors `modulus` (odd, positive) within `FERMAT_ROUNDS` rounds.

    In round k the square of the middle + k, less the modulus, must be a square itself.
    """
    middle = isqrt(modulus - 1) + 1
    rounds = (1 << FERMAT_ROUNDS) - 1
    for divisor in _DIVISORS:
        rounds &= _possible_middles(divisor, modulus % divisor) >> middle % divisor
    return rounds > 0 and any(
        _is_square((middle + k) ** 2 - modulus) for k in range(FERMAT_ROUNDS) if rounds >> k & 1
    )


@cache
def _possible_middles(divisor: int, modulus: int) -> int:
    """Bit n is set where n squared, less the modulus, leaves what a square does."""
    squares = {n * n % divisor for n in range(divisor)}
    fits = (n for n in range(divisor + FERMAT_ROUNDS) if (n * n - modulus) % divisor in squares)
    return sum(1 << n for n in fits)


def _is_square(number: int) -> bool:
    return isqrt(number) ** 2 == number


def _judge_curve(called: str, algorithm: Element, parameters: list[Element]) -> None:
    if len(parameters) != 1:
        raise DerError(algorithm.start, say("an elliptic curve is not named"))
    if parameters[0].tag == SEQUENCE:
        wrong = say(
            "{called} describes its elliptic curve by numbers instead of naming it.", called=called
        )
        raise Refused(
            "key.explicit-curve", wrong, say("Have the key made on a named curve: P-256.")
        )
    curve = dotted(parameters[0].expect(OBJECT_IDENTIFIER))
    if curve == _P192:
        wrong = say("{called} has a key on the curve P-192, which is too weak.", called=called)
        raise Refused("key.weak", wrong, _CURE)
    if curve not in _CURVES:
        wrong = say(
            "{called} has a key on a curve that is not supported: {name}.",
            called=called,
            name=named(curve, _CURVE_NAMES),
        )
        raise Refused("key.type", wrong, _CURE)
