"""The certificates of a PKCS#7 chain: SignedData without content and without signers.

RFC 5652, 5.1 and RFC 8933; "certs-only" in RFC 8551, 3.7. The order of the certificates says
nothing, so it is only kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.der import (
    INTEGER,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    SET,
    DerError,
    Element,
    only_element,
)
from certificates.x509.uploads.limits import CERTIFICATE_BYTES, CERTIFICATES

_CONTEXT_0, _CONTEXT_1 = 0xA0, 0xA1
_DATA = bytes.fromhex("2a864886f70d010701")  # 1.2.840.113549.1.7.1
_CURE = say("Export the chain as PKCS#7 with nothing but certificates, in DER (.p7b).")


@dataclass(frozen=True, slots=True)
class Chain:
    """The exact bytes of each certificate in the order of the file; doubles are not taken out."""

    certificates: tuple[bytes, ...]
    has_revocation_lists: bool


def certificates_of(data: bytes) -> Chain:
    """The certificates in a ContentInfo.

    Raises:
        DerError: it is not built like one.
        Refused: bundle.content, bundle.empty, bundle.count.
    """
    parts = _parts_without_content(data)
    optional = parts[3:-1]
    found = [part for part in optional if part.tag == _CONTEXT_0]
    elements = list(islice(found[0].children(), CERTIFICATES + 1)) if found else []
    if not elements:
        raise _empty()
    if len(elements) > CERTIFICATES:
        wrong = say(
            "The PKCS#7 file contains more than {most} certificates.",
            most=CERTIFICATES,
        )
        raise Refused("bundle.count", wrong, say("Upload them in several files."))
    if any(element.tag != SEQUENCE for element in elements):
        raise _other_content()
    has_lists = any(part.tag == _CONTEXT_1 and _is_not_empty(part) for part in optional)
    return Chain(tuple(element.raw for element in elements), has_lists)


def each_certificate_of(data: bytes) -> Iterator[bytes]:
    """The certificates in a ContentInfo of any size, one after the other.

    Args:
        data: bytes, or what can be sliced like them, such as a mapped file.

    Raises:
        DerError: it is not built like one.
        Refused: bundle.content, bundle.empty, upload.size; each where it is reached.
    """
    optional = _parts_without_content(data)[3:-1]
    found = [part for part in optional if part.tag == _CONTEXT_0]
    if not found or not _is_not_empty(found[0]):
        raise _empty()
    for element in found[0].children():
        if element.tag != SEQUENCE:
            raise _other_content()
        if element.end - element.start > CERTIFICATE_BYTES:
            wrong = say(
                "A certificate in the PKCS#7 file has more than {most} octets.",
                most=f"{CERTIFICATE_BYTES:,}",
            )
            raise Refused("upload.size", wrong, _CURE)
        yield element.raw


def _empty() -> Refused:
    wrong = say("The PKCS#7 file contains no certificate.")
    return Refused("bundle.empty", wrong, say("Export it again, with the whole chain."))


def _other_content() -> Refused:
    wrong = say("The PKCS#7 file contains something else than X.509 certificates.")
    return Refused("bundle.content", wrong, _CURE)


def _parts_without_content(data: bytes) -> list[Element]:
    """The parts of the SignedData, which is neither signed nor has content."""
    parts = list(islice(_signed_data(data).children(), 7))
    _refuse_odd_parts(data, parts)
    encapsulated = list(islice(parts[2].children(), 3))
    _refuse_content(encapsulated)
    if next(parts[-1].children(), None):
        wrong = say("The PKCS#7 file is a signed message, not only a chain of certificates.")
        raise Refused("bundle.content", wrong, _CURE)
    return parts


def _is_not_empty(part: Element) -> bool:
    return next(part.children(), None) is not None


def _signed_data(data: bytes) -> Element:
    outer = only_element(data, maximum_length=len(data)).expect(SEQUENCE)
    parts = list(islice(outer.children(), 3))
    if [part.tag for part in parts] != [OBJECT_IDENTIFIER, _CONTEXT_0]:
        raise DerError(outer.start, say("a PKCS#7 file without its content"))
    inner = list(islice(parts[1].children(), 2))
    if [part.tag for part in inner] != [SEQUENCE]:
        raise DerError(parts[1].start, say("a PKCS#7 file without its SignedData"))
    return inner[0]


def _refuse_odd_parts(data: bytes, parts: list[Element]) -> None:
    tags = [part.tag for part in parts]
    optional = tags[3:-1]
    is_whole = tags[:3] == [INTEGER, SET, SEQUENCE] and tags[3:][-1:] == [SET]
    if not is_whole or optional not in ([], [_CONTEXT_0], [_CONTEXT_1], [_CONTEXT_0, _CONTEXT_1]):
        start = parts[0].start if parts else len(data)
        raise DerError(start, say("the parts of a SignedData are not there in their order"))


def _refuse_content(encapsulated: list[Element]) -> None:
    identifier = encapsulated[0] if encapsulated else None
    if identifier is None or identifier.tag != OBJECT_IDENTIFIER:
        raise DerError(0, say("a SignedData that does not name the type of its content"))
    if identifier.content != _DATA:
        wrong = say("The PKCS#7 file is made for content of another type, such as a nested PKCS#7.")
        raise Refused("bundle.content", wrong, _CURE)
    if len(encapsulated) > 1:
        wrong = say("The PKCS#7 file has content besides its certificates.")
        raise Refused("bundle.content", wrong, _CURE)
