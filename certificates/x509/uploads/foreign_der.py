"""What a DER or BER encoding is, told by its first elements: a certificate, a key, a request ...

Only for telling kinds apart, so it is patient: BER lengths pass, and nothing is decoded.
"""

from collections.abc import Callable, Iterator
from enum import Enum, auto
from itertools import islice
from typing import NamedTuple

from certificates.x509.der import (
    BIT_STRING,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
)

_MOST_PARTS = 12  # what the longest kind, an RSA private key, needs
_INDEFINITE, _HIGHEST_BIT, _LONG_TAG = 0x80, 0x80, 0x1F
_ENUMERATED, _CONTEXT_0 = 0x0A, 0xA0
_PKCS7 = bytes.fromhex("2a864886f70d0107")  # 1.2.840.113549.1.7
_SMIME_CONTENT = bytes.fromhex("2a864886f70d01091001")  # 1.2.840.113549.1.9.16.1
_SIGNED_DATA = _PKCS7 + b"\x02"
# PKCS #5 and PKCS #12: how a key is encrypted under a password (RFC 5958, 3).
_PASSWORD_BASED = (bytes.fromhex("2a864886f70d0105"), bytes.fromhex("2a864886f70d010c01"))
_OCSP_BASIC = bytes.fromhex("2b0601050507300101")
_TIMES = (0x17, 0x18)
_OPENSSH = b"openssh-key-v1\0"
_JAVA_STORES = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")


class Kind(Enum):
    CERTIFICATE = auto()
    SIGNED_DATA = auto()
    OTHER_CMS = auto()
    PRIVATE_KEY = auto()
    PKCS12 = auto()
    CSR = auto()
    CRL = auto()
    PUBLIC_KEY = auto()
    ATTRIBUTE_CERTIFICATE = auto()
    OCSP_RESPONSE = auto()
    PARAMETERS = auto()
    KEY_STORE = auto()
    UNKNOWN = auto()


class _Part(NamedTuple):
    tag: int
    source: bytes
    content: int
    end: int

    def parts(self, most: int = _MOST_PARTS) -> list["_Part"]:
        return list(islice(_parts(self.source, self.content, self.end), most))

    def tags(self, most: int = _MOST_PARTS) -> list[int]:
        return [part.tag for part in self.parts(most)]

    def begins_with(self, octets: bytes) -> bool:
        return self.source.startswith(octets, self.content)

    @property
    def identifier(self) -> bytes:
        """The object identifier that stands first inside, such as an algorithm's; b"" if none."""
        first = next(iter(self.parts(1)), None)
        if first is None or first.tag != OBJECT_IDENTIFIER:
            return b""
        return self.source[first.content : first.end]


def kind_of(data: bytes, start: int = 0) -> Kind:
    """What the element at `data[start:]` is; what stands behind it is not looked at."""
    if data.startswith(_OPENSSH, start):
        return Kind.PRIVATE_KEY
    if data.startswith(_JAVA_STORES, start):
        return Kind.KEY_STORE
    outer = next(_parts(data, start, len(data)), None)
    if outer is None or outer.tag != SEQUENCE:
        is_curve = outer is not None and outer.tag == OBJECT_IDENTIFIER and outer.end == len(data)
        return Kind.PARAMETERS if is_curve else Kind.UNKNOWN
    parts = outer.parts()
    tell = _BY_FIRST_TAG.get(parts[0].tag) if parts else None
    return tell(parts) if tell else Kind.UNKNOWN


def _kind_of_content(parts: list[_Part]) -> Kind:
    """ContentInfo (RFC 5652, 3), or nothing but an object identifier and its parameters."""
    identifier = parts[0].source[parts[0].content : parts[0].end]
    if identifier == _SIGNED_DATA:
        return Kind.SIGNED_DATA
    if identifier.startswith((_PKCS7, _SMIME_CONTENT)):
        return Kind.OTHER_CMS
    return Kind.PARAMETERS if len(parts) <= 2 else Kind.UNKNOWN  # noqa: PLR2004


def _kind_by_version(parts: list[_Part]) -> Kind:
    tags = [part.tag for part in parts]
    if tags[1:3] == [SEQUENCE, OCTET_STRING]:
        return Kind.PRIVATE_KEY  # PKCS #8 (RFC 5958, 2)
    if tags[1:2] == [OCTET_STRING]:
        return Kind.PRIVATE_KEY  # of an elliptic curve (RFC 5915, 3)
    if tags[1:2] == [SEQUENCE] and parts[1].identifier.startswith(_PKCS7):
        return Kind.PKCS12  # RFC 7292, 4
    if set(tags) <= {INTEGER, SEQUENCE} and tags[:5] == [INTEGER] * 5:
        return Kind.PRIVATE_KEY  # PKCS #1 (RFC 8017, A.1.2), or OpenSSL's form for DSA
    if tags == [INTEGER, INTEGER]:
        return Kind.PUBLIC_KEY  # PKCS #1 (RFC 8017, A.1.1)
    return Kind.PARAMETERS if tags == [INTEGER] * 3 else Kind.UNKNOWN


def _kind_by_algorithm(parts: list[_Part]) -> Kind:
    tags = [part.tag for part in parts]
    if tags == [SEQUENCE, BIT_STRING]:
        return Kind.PUBLIC_KEY  # SubjectPublicKeyInfo (RFC 5280, 4.1.2.7)
    if tags == [SEQUENCE, OCTET_STRING] and parts[0].identifier.startswith(_PASSWORD_BASED):
        return Kind.PRIVATE_KEY  # encrypted PKCS #8
    if tags[:3] == [SEQUENCE, SEQUENCE, BIT_STRING]:
        return _kind_of_signed(parts[0])
    return Kind.UNKNOWN


def _kind_of_signed(signed: _Part) -> Kind:
    tags = signed.tags()
    if tags[:1] == [_CONTEXT_0]:
        tags = tags[1:]
    if tags[:6] == [INTEGER] + [SEQUENCE] * 5:
        return Kind.CERTIFICATE
    if tags[:3] == [INTEGER, SEQUENCE, SEQUENCE] and tags[3:] in ([], [_CONTEXT_0]):
        return Kind.CSR  # RFC 2986, 4.1
    without_version = tags[1:] if tags[:1] == [INTEGER] else tags
    if without_version[:2] == [SEQUENCE] * 2 and without_version[2:3] in ([_TIMES[0]], [_TIMES[1]]):
        return Kind.CRL  # RFC 5280, 5.1
    if tags[:2] == [INTEGER, SEQUENCE] and tags[2:3] == [_CONTEXT_0]:
        return Kind.ATTRIBUTE_CERTIFICATE  # RFC 5755, 4.1
    return Kind.UNKNOWN


def _kind_of_status(parts: list[_Part]) -> Kind:
    """RFC 6960, 4.2.1: ENUMERATED, [0] { SEQUENCE { id-pkix-ocsp-basic, OCTET STRING } }."""
    is_response = [part.tag for part in parts] == [_ENUMERATED, _CONTEXT_0] and any(
        part.identifier == _OCSP_BASIC for part in parts[1].parts(1)
    )
    return Kind.OCSP_RESPONSE if is_response else Kind.UNKNOWN


_BY_FIRST_TAG: dict[int, Callable[[list[_Part]], Kind]] = {
    OBJECT_IDENTIFIER: _kind_of_content,
    INTEGER: _kind_by_version,
    SEQUENCE: _kind_by_algorithm,
    _ENUMERATED: _kind_of_status,
}


def _parts(source: bytes, start: int, end: int) -> Iterator[_Part]:
    """Until the first that is not there as a whole; an indefinite one reaches to `end`."""
    while start + 2 <= end and source[start] & _LONG_TAG != _LONG_TAG:
        first, content = source[start + 1], start + 2
        if first == _INDEFINITE:
            yield _Part(source[start], source, content, end)
            return
        length = first
        if first > _HIGHEST_BIT:
            content += first & 0x7F
            length = int.from_bytes(source[start + 2 : content], "big")
        if content > end or length > end - content:
            return
        yield _Part(source[start], source, content, content + length)
        start = content + length
