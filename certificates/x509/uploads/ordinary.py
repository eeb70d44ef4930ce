"""A certificate as nearly all are, read in one pass: a fifth of the time of reading the long way.

The rules are those of `one_certificate`, and so is the result; the parts that many certificates
share are judged once (`ordinary_parts`). Whatever is out of the ordinary, wrong or worth a word
makes this give up: the long way then says what it is. So it never refuses, and never warns.
"""

from collections.abc import Sequence
from hashlib import sha1, sha256
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from certificates.refusal import Refused
from certificates.x509.der import BIT_STRING, INTEGER, SEQUENCE, only_element
from certificates.x509.facts import (
    DECODING_ERRORS,
    CertificateType,
    Facts,
    alternative_names,
    authority_key_identifier,
    describe_key,
    subject_key_identifier,
)
from certificates.x509.loading import LOADING_ERRORS, load
from certificates.x509.uploads.key_rules import judge_public_key, loaded_public_key
from certificates.x509.uploads.limits import EXTENSIONS as MOST_EXTENSIONS
from certificates.x509.uploads.limits import SERIAL_BITS
from certificates.x509.uploads.ordinary_parts import (
    Algorithm,
    KnownExtension,
    Name,
    algorithm_of,
    extension_of,
    issuer_of,
    key_algorithm_elements,
    name_of,
    time_in,
)

MOST_OCTETS = 8 * 1024  # of 3,695 CA certificates five are larger; what is remembered is bounded
_VERSION_3 = bytes.fromhex("a003020102")
_VERSION, _EXTENSIONS, _LONG_TAG, _HIGHEST_BIT = 0xA0, 0xA3, 0x1F, 0x80
_SHAPE = [_VERSION, INTEGER, *[SEQUENCE] * 5, _EXTENSIONS]
_KEY_SHAPE = [SEQUENCE, BIT_STRING]
_OUTER_SHAPE = [SEQUENCE, SEQUENCE, BIT_STRING]
_OTHERWISE = (Refused, *DECODING_ERRORS, *LOADING_ERRORS)


class _Span(NamedTuple):
    """One element at `source[start:end]`; its content begins at `content`."""

    tag: int
    start: int
    content: int
    end: int


class _UnusualError(Exception):
    """It is left to the long way."""


class Ordinary(NamedTuple):
    """`elements`: of DER, that the walk of the long way would have counted."""

    facts: Facts
    is_ca: bool
    usages: tuple[str, ...] | None
    public_key_info: bytes
    elements: int


def read_ordinary(der: bytes) -> Ordinary | None:
    """Read one certificate of version 3 that another key signed; None for any other."""
    if len(der) > MOST_OCTETS:
        return None
    try:
        return _read(der)
    except (_UnusualError, *_OTHERWISE):
        return None


def _read(der: bytes) -> Ordinary:
    outer = _only(_spans(der, 0, len(der)), SEQUENCE)
    signed, outer_algorithm, signature = _shaped(der, outer, _OUTER_SHAPE)
    parts = _shaped(der, signed, _SHAPE)
    version, serial, algorithm, issuer, validity, subject, key_info, extensions = parts
    if der[version.start : version.end] != _VERSION_3:
        raise _UnusualError
    named = _algorithm(der, algorithm, outer_algorithm)
    _require_signature(der[signature.content : signature.end])
    by, of = _names(der[issuer.start : issuer.end], der[subject.start : subject.end])
    number = _serial(der[serial.content : serial.end])
    begin, end = (time_in(t.tag, der[t.content : t.end]) for t in _pair(der, validity))
    if begin is None or end is None or end < begin:
        raise _UnusualError
    known = _known_extensions(der, extensions)
    key_octets = der[key_info.start : key_info.end]
    key, key_elements = _key(key_octets)
    load(der)  # what the library refuses has a word coming
    values: dict[type, Any] = {type(one.value): one.value for one in known}
    key_type, key_bits, key_label = describe_key(key)
    facts = Facts(
        der=der,
        common_name=of.common_name,
        subject=of.rfc4514,
        issuer_common_name=by.common_name,
        issuer=by.rfc4514,
        serial_number=f"{number:x}",
        not_before=begin,
        not_after=end,
        type=CertificateType.CA_SIGNED.value,
        key_type=key_type.value,
        key_bits=key_bits,
        key_label=key_label,
        signature_algorithm=named.name,
        fingerprint=sha256(der).hexdigest(),
        fingerprint_sha1=sha1(der, usedforsecurity=False).hexdigest(),
        subject_key_identifier=subject_key_identifier(values),
        authority_key_identifier=authority_key_identifier(values),
        subject_alternative_names=alternative_names(values),
        subject_digest=of.digest,
        issuer_digest=by.digest,
        undecoded=(),
    )
    # The certificate, what is signed, the version and its number, the serial number, the validity
    # with two times, [3] and its sequence, the signature.
    elements = 11 + 2 * named.elements + by.elements + of.elements + key_elements
    elements += sum(one.elements for one in known)
    usages = next((one.usages for one in known if one.usages is not None), None)
    return Ordinary(facts, any(one.is_ca for one in known), usages, key_octets, elements)


def _spans(source: bytes, position: int, end: int) -> list[_Span]:
    """Elements in DER that stand one after the other and fill the range."""
    found = []
    while position < end:
        content = position + 2
        if content > end or source[position] & _LONG_TAG == _LONG_TAG:
            raise _UnusualError
        length = source[position + 1]
        if length >= _HIGHEST_BIT:
            octets = length & 0x7F
            if not 1 <= octets <= 2 or content + octets > end:  # noqa: PLR2004 - up to 65,535
                raise _UnusualError
            length = int.from_bytes(source[content : content + octets], "big")
            if length < (_HIGHEST_BIT if octets == 1 else 0x100):
                raise _UnusualError
            content += octets
        after = content + length
        if after > end:
            raise _UnusualError
        found.append(_Span(source[position], position, content, after))
        position = after
    return found


def _only(spans: Sequence[_Span], tag: int) -> _Span:
    if len(spans) != 1 or spans[0].tag != tag:
        raise _UnusualError
    return spans[0]


def _shaped(source: bytes, outer: _Span, tags: list[int]) -> list[_Span]:
    spans = _spans(source, outer.content, outer.end)
    if [span.tag for span in spans] != tags:
        raise _UnusualError
    return spans


def _pair(source: bytes, outer: _Span) -> list[_Span]:
    spans = _spans(source, outer.content, outer.end)
    if len(spans) != 2:  # noqa: PLR2004 - not before and not after
        raise _UnusualError
    return spans


def _algorithm(der: bytes, inner: _Span, outer: _Span) -> Algorithm:
    raw = der[inner.start : inner.end]
    known = algorithm_of(raw) if raw == der[outer.start : outer.end] else None
    if known is None:
        raise _UnusualError
    return known


def _require_signature(content: bytes) -> None:
    """Whole octets that are not all zero."""
    if content[:1] != b"\0" or not content.strip(b"\0"):
        raise _UnusualError


def _names(issuer: bytes, subject: bytes) -> tuple[Name, Name]:
    """Two that no reader could take for one."""
    by, of = issuer_of(issuer), name_of(subject)
    if by is None or of is None or by.attributes == of.attributes:
        raise _UnusualError
    return by, of


def _serial(content: bytes) -> int:
    """Positive, in its shortest form."""
    if len(content) > 1 and content[0] == 0 and content[1] < _HIGHEST_BIT:
        raise _UnusualError
    number = int.from_bytes(content, "big", signed=True)
    if number <= 0 or number.bit_length() > SERIAL_BITS:
        raise _UnusualError
    return number


def _known_extensions(der: bytes, field: _Span) -> list[KnownExtension]:
    sequence = _only(_spans(der, field.content, field.end), SEQUENCE)
    entries = _spans(der, sequence.content, sequence.end)
    known = [extension_of(der[entry.start : entry.end]) for entry in entries]
    found = [one for one in known if one is not None]
    oids = {one.oid for one in found}
    if len(oids) != len(entries) or len(entries) > MOST_EXTENSIONS:
        raise _UnusualError
    return found


def _key(raw: bytes) -> tuple[PublicKeyTypes, int]:
    """The key, and how many elements describe it."""
    algorithm, key = _shaped(raw, _only(_spans(raw, 0, len(raw)), SEQUENCE), _KEY_SHAPE)
    elements = key_algorithm_elements(raw[algorithm.start : algorithm.end])
    if not elements or raw[key.content : key.content + 1] != b"\0":
        raise _UnusualError
    if list(judge_public_key("", only_element(raw))):
        raise _UnusualError
    return loaded_public_key("", raw), 2 + elements
