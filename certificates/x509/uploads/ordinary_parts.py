"""The parts of which ordinary certificates are made, each judged once and remembered by its octets.

Thousands of certificates share their issuer, their algorithm and most of their extensions. A part
is remembered only where every rule of reading finds nothing to say about it; anything else is
None, and its certificate is read the long way. Each counts the elements of DER that it has.
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from cryptography import x509

from certificates.refusal import Refused
from certificates.x509.decoding import DECODING_ERRORS
from certificates.x509.der import SEQUENCE, SET, DerError, encode, only_element
from certificates.x509.fields import Extension, extension_entries
from certificates.x509.loading import carried_extension
from certificates.x509.name_comparison import fold
from certificates.x509.object_names import SIGNATURES
from certificates.x509.signatures import algorithm_identifier, weak_hash
from certificates.x509.simple_values import GENERALIZED_TIME, UTC_TIME, time_of
from certificates.x509.strings import text
from certificates.x509.uploads.address_rules import judge_addresses
from certificates.x509.uploads.extension_rules import (
    decoding_flaw,
    extended_key_usages,
    refuse_extensions,
    says_ca,
    written_flaw,
)
from certificates.x509.uploads.field_rules import OLDEST_HASHES
from certificates.x509.uploads.limits import ATTRIBUTES, ELEMENTS
from certificates.x509.uploads.name_rules import attributes_of, judge_name
from certificates.x509.uploads.strict_der import Walk
from certificates.x509.visible import visible

_COMMON_NAME = "2.5.4.3"
_PLAIN_STRINGS = (0x0C, 0x13, 0x16)  # UTF8String, PrintableString, IA5String
_LEVEL_OF_NAMES, _LEVEL_OF_EXTENSIONS = 3, 4  # of nesting, where they stand in a certificate
_FIELD = 0xA3  # extensions [3]
# 4.2.1.2, as nearly every CA writes it: SHA-1 of the key, in each certificate another one.
_KEY_IDENTIFIER = bytes.fromhex("301d0603551d0e04160414")
_KEY_IDENTIFIER_OCTETS, _KEY_IDENTIFIER_ELEMENTS = 20, 4
_OTHERWISE = (DerError, Refused, ValueError, *DECODING_ERRORS)


@dataclass(frozen=True, slots=True)
class Name:
    """`attributes`: object identifier and text of each; `digest`: see `name_digest`."""

    elements: int
    attributes: tuple[tuple[str, str], ...]
    common_name: str
    rfc4514: str
    digest: str


@dataclass(frozen=True, slots=True)
class _Attribute:
    elements: int
    attribute: tuple[str, str]
    rfc4514: str
    folded: str  # as `folded` is written by repr()


@dataclass(frozen=True, slots=True)
class Algorithm:
    elements: int
    name: str


@dataclass(frozen=True, slots=True)
class KnownExtension:
    """`value`: what the library decodes it to. `usages`: see `ReadCertificate`."""

    elements: int
    oid: str
    value: Any = field(repr=False)
    is_ca: bool = False
    usages: tuple[str, ...] | None = None


def name_of(raw: bytes) -> Name | None:
    """A Name in DER, each of its relative names with one attribute."""
    parts: list[_Attribute] = []
    try:
        for relative in only_element(raw).expect(SEQUENCE).children():
            part = _attribute(relative.raw)
            if part is None:
                return None
            parts.append(part)
    except DerError:
        return None
    if not 0 < len(parts) <= ATTRIBUTES:
        return None
    common = [part.attribute[1] for part in parts if part.attribute[0] == _COMMON_NAME]
    if not common:
        return None
    folded = f"({', '.join(part.folded for part in parts)}{',' * (len(parts) == 1)})"
    return Name(
        1 + sum(part.elements for part in parts),
        tuple(part.attribute for part in parts),
        visible(common[-1]),
        visible(",".join(part.rfc4514 for part in reversed(parts))),
        sha256(folded.encode()).hexdigest(),
    )


issuer_of = lru_cache(maxsize=256)(name_of)


@lru_cache(maxsize=1024)
def _attribute(raw: bytes) -> _Attribute | None:
    """A RelativeDistinguishedName in DER."""
    elements = _elements(raw, _LEVEL_OF_NAMES)
    if not elements:
        return None
    try:
        relative = only_element(raw).expect(SET)
        ((oid, characters),) = attributes_of(only_element(encode(SEQUENCE, raw)))
        value = list(next(relative.children()).children())[1]
        if value.tag not in _PLAIN_STRINGS or text(value) != characters or not characters:
            return None
        if list(judge_name("", [(oid, characters)])):
            return None
        written = x509.NameAttribute(x509.ObjectIdentifier(oid), characters).rfc4514_string()
    except _OTHERWISE:
        return None
    folded = repr(((oid, fold(characters)),))
    return _Attribute(elements, (oid, characters), written, folded)


@lru_cache(maxsize=64)
def algorithm_of(raw: bytes) -> Algorithm | None:
    """An AlgorithmIdentifier in DER, of a signature that is not weak."""
    elements = _elements(raw, 2)
    if not elements:
        return None
    try:
        element = only_element(raw).expect(SEQUENCE)
        oid = algorithm_identifier(element)
        if oid not in SIGNATURES or oid in OLDEST_HASHES or weak_hash(element):
            return None
    except _OTHERWISE:
        return None
    return Algorithm(elements, SIGNATURES[oid])


@lru_cache(maxsize=64)
def key_algorithm_elements(raw: bytes) -> int:
    """Of the AlgorithmIdentifier of a public key; 0 where it is not written in DER."""
    return _elements(raw, 3)


@lru_cache(maxsize=4096)
def time_in(tag: int, content: bytes) -> datetime | None:
    """The moment of a UTCTime or GeneralizedTime."""
    if tag not in (UTC_TIME, GENERALIZED_TIME):
        return None
    try:
        return time_of(tag, content)
    except ValueError:
        return None


def extension_of(raw: bytes) -> KnownExtension | None:
    """One entry of the extensions, in DER."""
    if raw.startswith(_KEY_IDENTIFIER):
        digest = raw[len(_KEY_IDENTIFIER) :]
        if len(digest) == _KEY_IDENTIFIER_OCTETS:
            value = x509.SubjectKeyIdentifier(digest)
            return KnownExtension(_KEY_IDENTIFIER_ELEMENTS, value.oid.dotted_string, value)
    return _extension(raw)


@lru_cache(maxsize=1024)
def _extension(raw: bytes) -> KnownExtension | None:
    elements = _elements(raw, _LEVEL_OF_EXTENSIONS)
    if not elements:
        return None
    try:
        (entry,) = extension_entries(only_element(encode(_FIELD, encode(SEQUENCE, raw))))
        refuse_extensions("", [entry])
        walk = Walk()
        if written_flaw(entry, walk) != ("", False) or decoding_flaw(entry, {}):
            return None
        is_ca = says_ca([entry])
        if list(judge_addresses("", entry, is_ca=is_ca)):
            return None
        value = _decoded(entry)
        usages = extended_key_usages([entry])
    except _OTHERWISE:
        return None
    return KnownExtension(elements + ELEMENTS - walk.left, entry.oid, value, is_ca, usages)


def _decoded(entry: Extension) -> Any:
    """Raises one of `DECODING_ERRORS`; also for what the library has no type for."""
    value = carried_extension(entry.identifier.raw, entry.value)
    if isinstance(value, x509.UnrecognizedExtension):
        raise ValueError("the library does not know it")
    return value


def _elements(raw: bytes, level: int) -> int:
    """How many elements of DER there are; 0 where any is not written as it should be."""
    walk = Walk()
    try:
        flaws = walk.flaws(raw, 0, len(raw), level=level)
    except _OTHERWISE:
        return 0
    return 0 if flaws else ELEMENTS - walk.left
