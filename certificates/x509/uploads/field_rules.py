"""Version, serial number, validity and signature of a certificate (RFC 5280, 4.1)."""

from collections.abc import Iterator
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from certificates.refusal import Finding, Outcome, Refused
from certificates.sentence import say
from certificates.x509.fields import Fields
from certificates.x509.object_names import SIGNATURES
from certificates.x509.signatures import (
    Signed,
    algorithm_identifier,
    is_checkable,
    is_made_by,
    weak_hash,
)
from certificates.x509.uploads.limits import SERIAL_BITS

_VERSION_1, _VERSION_3 = 1, 3
OLDEST_HASHES = {"1.2.840.113549.1.1.2": "MD2", "1.2.840.113549.1.1.3": "MD4"}
_CURE = say("Have the certificate issued again.")


def judge_version(called: str, fields: Fields) -> Iterator[Finding]:
    """4.1.2.1: what a version has no place for must not be there; `Refused` structure.version."""
    number = fields.version_number
    if number not in (_VERSION_1, _VERSION_3):
        wrong = say(
            "{called} is of version {number}; X.509 certificates in use are of 1 or 3.",
            called=called,
            number=number,
        )
        raise Refused("structure.version", wrong, _CURE)
    if fields.extensions is not None and number < _VERSION_3:
        wrong = say(
            "{called} has extensions, but says that it is of version {number}.",
            called=called,
            number=number,
        )
        raise Refused("structure.version", wrong, _CURE)
    if number < _VERSION_3 and (fields.issuer_unique_id or fields.subject_unique_id):
        wrong = say(
            "{called} has unique identifiers, but says that it is of version 1.", called=called
        )
        raise Refused("structure.version", wrong, _CURE)
    if number < _VERSION_3:
        sentence = say(
            "{called} is of version 1, as very old root certificates are.", called=called
        )
        yield Finding("structure.version", sentence, outcome=Outcome.WARN)


def refuse_two_algorithms(called: str, fields: Fields) -> None:
    """4.1.1.2: the algorithm outside is not signed, so it must repeat the one inside."""
    if fields.algorithm.raw == fields.outer_algorithm.raw:
        return
    inner, outer = (
        SIGNATURES.get(oid, oid)
        for oid in map(algorithm_identifier, (fields.algorithm, fields.outer_algorithm))
    )
    how = say("two forms of {algorithm}", algorithm=inner)
    if inner != outer:
        how = say("{inner} inside, {outer} outside", inner=inner, outer=outer)
    wrong = say("{called} names two signature algorithms: {how}.", called=called, how=how)
    raise Refused("structure.algorithm", wrong, _CURE)


def judge_serial(called: str, serial: int) -> Iterator[Finding]:
    """4.1.2.2: positive, up to 20 octets."""
    if serial.bit_length() > SERIAL_BITS:
        octets = (serial.bit_length() + 7) // 8
        wrong = say(
            "{called} has a serial number of {octets} octets; 20 are allowed.",
            called=called,
            octets=f"{octets:,}",
        )
        raise Refused("serial", wrong, _CURE)
    if serial <= 0:
        how = say("negative") if serial else say("zero")
        sentence = say(
            "{called} has a serial number that is {how}, as some old roots have.",
            called=called,
            how=how,
        )
        yield Finding("serial", sentence, outcome=Outcome.WARN)


def refuse_reversed_validity(
    called: str, not_before: datetime | None, not_after: datetime | None
) -> None:
    """4.1.2.5; a time that can't be read is told as such."""
    if not_before and not_after and not_after < not_before:
        wrong = say(
            "{called} ends ({not_after} UTC) before it begins ({not_before} UTC).",
            called=called,
            not_after=f"{not_after:%Y-%m-%d %H:%M}",
            not_before=f"{not_before:%Y-%m-%d %H:%M}",
        )
        raise Refused("validity", wrong, _CURE)


def judge_signature(called: str, fields: Fields) -> Iterator[Finding]:
    """What a signature shows without its issuer's key.

    Raises:
        DerError: its algorithm can't be read.
        Refused: signature.wrong.
    """
    if not fields.signature.content[1:].strip(b"\0"):
        wrong = say(
            "{called} is not signed: its signature is empty or nothing but zeros.", called=called
        )
        raise Refused("signature.wrong", wrong, _CURE)
    oid = algorithm_identifier(fields.outer_algorithm)
    weak = OLDEST_HASHES.get(oid) or weak_hash(fields.outer_algorithm)
    if weak:
        sentence = say(
            "{called} is signed with {weak}, for which forgeries can be made.",
            called=called,
            weak=weak,
        )
        cure = say("On a root of its own it does no harm: nobody relies on that signature.")
        yield Finding("signature.weak", sentence, cure, Outcome.WARN, is_legacy=True)


def is_own_signature(fields: Fields, key: PublicKeyTypes) -> bool | None:
    """Whether `key` made the signature of the certificate; None where nobody here can tell."""
    if not is_checkable(fields.outer_algorithm):
        return None
    content, signature = fields.signed.raw, fields.signature.content[1:]
    return is_made_by(Signed(content, fields.outer_algorithm, signature), key)


def signature_refusal(called: str) -> Refused:
    """For a certificate that names itself as its issuer, and is not signed with its key."""
    wrong = say(
        "{called} is self-signed, but its signature is wrong: it was changed or damaged.",
        called=called,
    )
    return Refused(
        "signature.wrong", wrong, say("Get the certificate again from where it came from.")
    )
