"""The extensions that decide about a path, each decoded by itself (RFC 5280, 4.2.1).

A certificate with one broken extension is still one that can be shown and told about; the library
decodes all extensions or none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice

from certificates.sentence import say
from certificates.x509 import der
from certificates.x509.der import DerError, Element, only_element

SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
KEY_USAGE = "2.5.29.15"
SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
BASIC_CONSTRAINTS = "2.5.29.19"
NAME_CONSTRAINTS = "2.5.29.30"
AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
EXTENDED_KEY_USAGE = "2.5.29.37"

# General names, 4.2.1.6: their context tags.
EMAIL, DNS, URI, IP_ADDRESS, DIRECTORY = 0x81, 0x82, 0x86, 0x87, 0xA4

_CRITICAL_AND_VALUE = 2
_LARGEST_PATH_LENGTH = 1 << 31
# More than this is made to be slow.
_MOST_EXTENSIONS = 64
_LONGEST_VALUE = 64 * 1024  # octets
_MOST_NAMES = 2_500  # of one alternative name, or of the subtrees of one kind
_MOST_USAGES = 100


class KeyUsageBit(IntEnum):
    """The bits of KeyUsage, 4.2.1.3."""

    DIGITAL_SIGNATURE = 0
    CONTENT_COMMITMENT = 1
    KEY_ENCIPHERMENT = 2
    DATA_ENCIPHERMENT = 3
    KEY_AGREEMENT = 4
    KEY_CERT_SIGN = 5
    CRL_SIGN = 6


@dataclass(frozen=True, slots=True)
class Extension:
    oid: str
    is_critical: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class BasicConstraints:
    """4.2.1.9; `path_length` None: no limit is named."""

    is_ca: bool
    path_length: int | None


@dataclass(frozen=True, slots=True)
class GeneralName:
    """A tag and what is under it: text in octets, an address, or for a directory name its Name."""

    tag: int
    value: bytes


@dataclass(frozen=True, slots=True)
class NameConstraints:
    """4.2.1.10."""

    permitted: tuple[GeneralName, ...]
    excluded: tuple[GeneralName, ...]


def extensions(field: Element) -> tuple[Extension, ...]:
    """Those of `extensions [3]` in their order. Raises `DerError`."""
    (sequence,) = field.children()
    entries = _some(sequence.expect(der.SEQUENCE), _MOST_EXTENSIONS)
    return tuple(_extension(entry) for entry in entries)


def _some(sequence: Element, most: int) -> list[Element]:
    """The elements inside, unless there are more than anybody needs."""
    found = list(islice(sequence.children(), most + 1))
    if len(found) > most:
        raise DerError(sequence.start, say("more than {most} elements", most=most))
    return found


def _extension(entry: Element) -> Extension:
    identifier, *flags, value = entry.expect(der.SEQUENCE).children()
    if len(flags) >= _CRITICAL_AND_VALUE:
        raise DerError(entry.start, say("an extension has more than three parts"))
    is_critical = any(flag.expect(der.BOOLEAN).content != b"\0" for flag in flags)
    content = value.expect(der.OCTET_STRING).content
    if len(content) > _LONGEST_VALUE:
        raise DerError(entry.start, say("an extension of {count} octets", count=len(content)))
    return Extension(der.dotted(identifier), is_critical, content)


def basic_constraints(value: bytes) -> BasicConstraints:
    """Raises `DerError`, like all of these."""
    parts = list(only_element(value).expect(der.SEQUENCE).children())
    is_ca = False
    if parts and parts[0].tag == der.BOOLEAN:
        is_ca = parts.pop(0).content != b"\0"
    if not parts:
        return BasicConstraints(is_ca, None)
    (length,) = parts
    number = int.from_bytes(length.expect(der.INTEGER).content, "big", signed=True)
    if not 0 <= number < _LARGEST_PATH_LENGTH:
        raise DerError(length.start, say("the path length is no length"))
    return BasicConstraints(is_ca, number)


def key_usage(value: bytes) -> frozenset[int]:
    """The numbers of the bits that are set: compare with `KeyUsageBit`."""
    content = only_element(value).expect(der.BIT_STRING).content
    return frozenset(
        8 * position + bit
        for position, octet in enumerate(content[1:3])
        for bit in range(8)
        if octet & 0x80 >> bit
    )


def extended_key_usage(value: bytes) -> frozenset[str]:
    """Object identifiers; the extension holds at least one (4.2.1.12)."""
    sequence = only_element(value).expect(der.SEQUENCE)
    usages = frozenset(der.dotted(identifier) for identifier in _some(sequence, _MOST_USAGES))
    if not usages:
        raise DerError(sequence.start, say("no usage is named"))
    return usages


def subject_key_identifier(value: bytes) -> bytes:
    """RFC 5280, 4.2.1.2."""
    return only_element(value).expect(der.OCTET_STRING).content


def authority_key_identifier(value: bytes) -> bytes:
    """Its keyIdentifier; b"" where there is none."""
    parts = only_element(value).expect(der.SEQUENCE).children()
    return next((part.content for part in parts if part.tag == 0x80), b"")  # noqa: PLR2004


def general_names(value: bytes) -> tuple[GeneralName, ...]:
    """Those of a subject alternative name; at least one (4.2.1.6)."""
    sequence = only_element(value).expect(der.SEQUENCE)
    names = tuple(_general_name(name) for name in _some(sequence, _MOST_NAMES))
    if not names:
        raise DerError(sequence.start, say("no name is in it"))
    return names


def _general_name(name: Element) -> GeneralName:
    if name.tag == DIRECTORY:
        (inner,) = name.children()
        return GeneralName(DIRECTORY, inner.expect(der.SEQUENCE).raw)
    return GeneralName(name.tag, name.content)


def name_constraints(value: bytes) -> NameConstraints:
    """At least one subtree, and none with other bounds than the default (4.2.1.10)."""
    parts = {part.tag: part for part in only_element(value).expect(der.SEQUENCE).children()}
    found = NameConstraints(
        *(tuple(_subtrees(parts[tag])) if tag in parts else () for tag in (0xA0, 0xA1))
    )
    if not found.permitted and not found.excluded:
        raise DerError(0, say("no subtree is named"))
    return found


def _subtrees(field: Element) -> Iterator[GeneralName]:
    for subtree in _some(field, _MOST_NAMES):
        base, *bounds = subtree.expect(der.SEQUENCE).children()
        for bound in bounds:
            if bound.tag != 0x80 or bound.content != b"\0":  # noqa: PLR2004
                raise DerError(
                    bound.start, say("minimum and maximum of a subtree must not be used")
                )
        yield _general_name(base)
