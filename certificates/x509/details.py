"""Every part of one certificate in words, however broken it is inside (CM-3; RFC 5280, 4.1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1, sha256
from itertools import islice

from certificates.sentence import say
from certificates.x509.decoding import DECODING_ERRORS, decimal, hexadecimal, octets, reason
from certificates.x509.decoding import undecoded as marked
from certificates.x509.der import BIT_STRING, Element, dotted
from certificates.x509.extensions import ExtensionText, describe_extensions
from certificates.x509.fields import certificate_fields, name_attributes
from certificates.x509.loading import Loaded, load_what_is_readable
from certificates.x509.object_names import ATTRIBUTES, SIGNATURES
from certificates.x509.public_keys import describe_public_key
from certificates.x509.strings import text
from certificates.x509.visible import visible

__all__ = ["Attribute", "Details", "ExtensionText", "describe"]

_TIMES = (say("Not before"), say("Not after"))
_PSS = "1.2.840.113549.1.1.10"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One part of a name; `name` is the dotted object identifier where it has no word."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Details:
    """Plain text for a person, without invisible characters, not yet escaped for HTML.

    Octets are upper-case hexadecimal with colons; times are UTC, None where they can't be decoded.
    What can't be decoded begins with "Undecoded:", and `undecoded` has a sentence for it.
    """

    version: str
    serial_number: str
    serial_decimal: str
    subject: tuple[Attribute, ...]
    issuer: tuple[Attribute, ...]
    not_before: datetime | None
    not_after: datetime | None
    public_key: tuple[str, ...]
    signature_algorithm: str
    signature: str
    extensions: tuple[ExtensionText, ...]
    fingerprints: tuple[tuple[str, str], ...]
    undecoded: tuple[str, ...]


def describe(der: bytes) -> Details:
    """Describe one certificate in DER.

    Raises:
        ValueError: nothing in it can be read. Anything that can be loaded is described.
    """
    loaded = load_what_is_readable(der)
    fields = certificate_fields(der)
    undecoded: list[str] = []
    subject = tuple(_name(say("Subject"), fields.subject, undecoded))
    issuer = tuple(_name(say("Issuer"), fields.issuer, undecoded))
    not_before, not_after = _validity(loaded, fields.validity, undecoded)
    public_key, why = describe_public_key(fields.public_key)
    undecoded += [why] if why else []
    algorithm = _signature_algorithm(loaded, fields.outer_algorithm, undecoded)
    extensions, sentences = describe_extensions(fields.extensions)
    return Details(
        version=str(fields.version_number),
        serial_number=hexadecimal(fields.serial),
        serial_decimal=decimal(fields.serial),
        subject=subject,
        issuer=issuer,
        not_before=not_before,
        not_after=not_after,
        public_key=tuple(public_key),
        signature_algorithm=algorithm,
        signature=octets(fields.signature.content[1:]),
        extensions=extensions,
        fingerprints=tuple(_fingerprints(der, fields.public_key)),
        undecoded=(*undecoded, *sentences, *_corrected(loaded)),
    )


def _name(whose: str, name: Element, undecoded: list[str]) -> Iterator[Attribute]:
    """RDNSequence: SEQUENCE OF SET OF SEQUENCE { type, value } (RFC 5280, 4.1.2.4).

    By hand, as the library's decoding of a name fails as a whole.
    """
    for oid, value in name_attributes(name):
        label = ATTRIBUTES.get(oid, oid)
        try:
            yield Attribute(label, _attribute_value(value))
        except ValueError as error:
            undecoded.append(
                say(
                    "{whose}, {label}: It can't be decoded: {reason}.",
                    whose=whose,
                    label=label,
                    reason=reason(error),
                )
            )
            yield Attribute(label, marked(value.raw))


def _attribute_value(value: Element) -> str:
    if value.tag == BIT_STRING:  # the unique identifier of X.520, 6.2.7
        return octets(value.content[1:])
    return visible(text(value))


def _validity(loaded: Loaded, validity: Element, undecoded: list[str]) -> Iterator[datetime | None]:
    accessors = ("not_valid_before_utc", "not_valid_after_utc")
    for number, (label, accessor) in enumerate(zip(_TIMES, accessors, strict=True)):
        part = next(islice(validity.children(), number, None), validity)
        try:
            if label.lower() in loaded.unreadable:
                raise ValueError(loaded.unreadable[label.lower()])
            yield getattr(loaded.certificate, accessor)
        except DECODING_ERRORS as error:
            undecoded.append(_sentence(label, error, part))
            yield None


def _signature_algorithm(loaded: Loaded, algorithm: Element, undecoded: list[str]) -> str:
    """Such as "SHA-256 with RSA encryption (1.2.840.113549.1.1.11)"; RSASSA-PSS with its hash."""
    oid = dotted(next(algorithm.children(), algorithm))
    if oid not in SIGNATURES:
        return oid
    name = SIGNATURES[oid]
    if oid == _PSS and "algorithm" not in loaded.unreadable:
        try:
            used = loaded.certificate.signature_hash_algorithm
            name += f" with {used.name.upper().replace('SHA', 'SHA-')}" if used else ""
        except DECODING_ERRORS as error:
            undecoded.append(_sentence(say("Signature algorithm"), error, algorithm))
    return f"{name} ({oid})"


def _corrected(loaded: Loaded) -> Iterator[str]:
    words = {label.lower(): label for label in _TIMES} | {"certificate": say("Certificate")}
    for part, why in loaded.corrected.items():
        yield say(
            "{part}: It is not written as DER demands: {why}.",
            part=words.get(part, part.capitalize()),
            why=visible(why),
        )


def _sentence(label: str, error: Exception, part: Element) -> str:
    """For what has no line of its own to show the octets in."""
    return say(
        "{label}: It can't be decoded: {reason} ({octets}).",
        label=label,
        reason=reason(error),
        octets=octets(part.raw),
    )


def _fingerprints(der: bytes, public_key: Element) -> Iterator[tuple[str, str]]:
    yield "SHA-256", octets(sha256(der).digest())
    yield "SHA-1", octets(sha1(der, usedforsecurity=False).digest())
    yield say("Public key SHA-256 (SPKI)"), octets(sha256(public_key.raw).digest())
