"""Where the parts of a certificate stand in its DER (RFC 5280, 4.1).

Nothing is decoded here but tags: a part with a broken value is found all the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from certificates.sentence import say
from certificates.x509.der import (
    BIT_STRING,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    SET,
    DerError,
    Element,
    dotted,
    only_element,
)

_VERSION, _ISSUER_ID, _SUBJECT_ID, _EXTENSIONS = 0xA0, 0x81, 0x82, 0xA3
_OPTIONAL = (_ISSUER_ID, _SUBJECT_ID, _EXTENSIONS)


@dataclass(frozen=True, slots=True)
class Fields:
    """The parts in their order; None for an optional one that is not there."""

    signed: Element  # the TBSCertificate
    version: Element | None
    serial_number: Element
    algorithm: Element
    issuer: Element
    validity: Element
    subject: Element
    public_key: Element
    issuer_unique_id: Element | None
    subject_unique_id: Element | None
    extensions: Element | None
    outer_algorithm: Element
    signature: Element

    @property
    def version_number(self) -> int:
        """1, 2 or 3 (RFC 5280, 4.1.2.1); any other number if the certificate says so."""
        if self.version is None:
            return 1
        number = next(self.version.children(), None)
        return int.from_bytes(number.content, "big", signed=True) + 1 if number else 0

    @property
    def serial(self) -> int:
        return int.from_bytes(self.serial_number.content, "big", signed=True)

    def named(self) -> Iterator[tuple[str, Element]]:
        """The parts in the words of RFC 5280."""
        parts = {
            "version": self.version,
            "serial number": self.serial_number,
            "signature algorithm inside": self.algorithm,
            "issuer": self.issuer,
            "validity": self.validity,
            "subject": self.subject,
            "public key": self.public_key,
            "issuer unique identifier": self.issuer_unique_id,
            "subject unique identifier": self.subject_unique_id,
            "extensions": self.extensions,
            "signature algorithm": self.outer_algorithm,
            "signature": self.signature,
        }
        for name, part in parts.items():
            if part is not None:
                yield name, part


@dataclass(frozen=True, slots=True)
class Extension:
    """As it stands in the certificate: SEQUENCE { extnID, critical DEFAULT FALSE, extnValue }."""

    identifier: Element
    oid: str
    critical: bool
    octets: Element

    @property
    def value(self) -> bytes:
        return self.octets.content


def certificate_fields(der: bytes) -> Fields:
    """The parts of the one certificate that `der` is.

    Raises:
        DerError: it is not built like a certificate; the reason names the part.
    """
    return fields_of(only_element(der, maximum_length=len(der)))


def fields_of(certificate: Element) -> Fields:
    """The same for an element of something larger. Raises `DerError`."""
    outer = list(certificate.expect(SEQUENCE).children())
    if [part.tag for part in outer] != [SEQUENCE, SEQUENCE, BIT_STRING]:
        raise DerError(certificate.start, say("not made of three parts, the last one a signature"))
    parts = list(outer[0].children())
    version = parts.pop(0) if parts and parts[0].tag == _VERSION else None
    required, optional = parts[:6], parts[6:]
    if [part.tag for part in required] != [INTEGER] + [SEQUENCE] * 5:
        raise DerError(
            outer[0].start, say("the parts of a certificate are not there in their order")
        )
    tags = [part.tag for part in optional]
    if tags != [tag for tag in _OPTIONAL if tag in tags]:
        raise DerError(optional[0].start, say("unknown parts after the public key"))
    by_tag = dict(zip(tags, optional, strict=True))
    return Fields(
        outer[0],
        version,
        *required,
        *(by_tag.get(tag) for tag in _OPTIONAL),
        *outer[1:],
    )


def extension_entries(field: Element | None) -> Iterator[Extension]:
    """The extensions in their order.

    Args:
        field: `extensions [3]` of the TBSCertificate (RFC 5280, 4.1.2.9); None: there is none.

    Raises:
        DerError: an entry is not built like an extension.
    """
    for sequence in field.children() if field else ():
        for entry in sequence.children():
            parts = list(entry.children())
            if not 2 <= len(parts) <= 3:  # noqa: PLR2004 - with or without `critical`
                raise DerError(entry.start, say("an extension is not made of two or three parts"))
            identifier, *flags, octets = parts
            critical = any(flag.content != b"\0" for flag in flags)
            identifier.expect(OBJECT_IDENTIFIER)
            yield Extension(identifier, dotted(identifier), critical, octets.expect(OCTET_STRING))


def name_attributes(name: Element) -> Iterator[tuple[str, Element]]:
    """Object identifier and value of each part of a name, in their order (RFC 5280, 4.1.2.4).

    Raises:
        DerError: it is not built like a name.
    """
    for relative in name.expect(SEQUENCE).children():
        for attribute in relative.expect(SET).children():
            parts = list(attribute.expect(SEQUENCE).children())
            if len(parts) != 2:  # noqa: PLR2004 - type and value
                raise DerError(
                    attribute.start, say("a part of a name is not made of type and value")
                )
            yield dotted(parts[0]), parts[1]
