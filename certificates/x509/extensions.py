"""The extensions of a certificate in words (CM-3; RFC 5280, 4.2).

`Certificate.extensions` of the library fails as a whole. So each extension is decoded by itself,
inside a tiny certificate that carries nothing else; where that fails, its elements are tried one
by one; what is left is hexadecimal.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from certificates.x509 import der
from certificates.x509.decoding import DECODING_ERRORS, octets, reason, undecoded
from certificates.x509.extension_values import BY_HAND, BY_LIBRARY, DIVISIBLE, LIKE
from certificates.x509.object_names import EXTENSIONS
from certificates.x509.visible import visible

MAXIMUM_LINES = 2000  # of one extension
NO_DECODER = "No decoder for this extension."
_ROW = 16  # octets in a row of hexadecimal


@dataclass(frozen=True, slots=True)
class ExtensionText:
    """One extension; `lines` is plain text for a person, not yet escaped for HTML.

    Where `decoded` is false the first line says why; the value follows in hexadecimal, or the
    elements of it that can be decoded, with each other one marked "Undecoded:".
    """

    oid: str
    name: str
    critical: bool
    lines: tuple[str, ...]
    decoded: bool


@dataclass(frozen=True, slots=True)
class _Extension:
    """As it stands in the certificate: SEQUENCE { extnID, critical DEFAULT FALSE, extnValue }."""

    identifier: der.Element
    oid: str
    critical: bool
    value: bytes


def describe_extensions(
    field: der.Element | None,
) -> tuple[tuple[ExtensionText, ...], tuple[str, ...]]:
    """All extensions in their order, and a sentence for each that can't be decoded.

    Args:
        field: `extensions [3]` of the TBSCertificate (RFC 5280, 4.1.2.9); None: there is none.
    """
    texts: list[ExtensionText] = []
    sentences: list[str] = []
    seen: set[str] = set()
    for extension in _walk(field) if field else ():
        name = EXTENSIONS.get(extension.oid, "Unknown extension")
        lines, why = _lines(extension)
        if extension.oid in seen:
            lines = ["It stands here more than once, which RFC 5280, 4.2 forbids.", *lines]
        seen.add(extension.oid)
        if why not in ("", NO_DECODER):
            sentences.append(f"{name} ({extension.oid}): {why}")
        shown = _capped(lines)
        texts.append(ExtensionText(extension.oid, name, extension.critical, shown, not why))
    return tuple(texts), tuple(sentences)


def _walk(field: der.Element) -> Iterator[_Extension]:
    for sequence in field.children():
        for entry in sequence.children():
            identifier, *flags, value = entry.children()
            critical = any(flag.content != b"\0" for flag in flags)
            yield _Extension(identifier, der.dotted(identifier), critical, value.content)


def _lines(extension: _Extension) -> tuple[list[str], str]:
    """The lines, and why they are not the decoded value: "" if they are."""
    try:
        decoded = _decode(extension)
    except DECODING_ERRORS as error:
        why = f"It can't be decoded: {reason(error)}."
        partly = _one_by_one(extension) if extension.oid in DIVISIBLE else []
        return [why, *(partly or _rows(extension.value))], why
    if decoded is None:
        return [NO_DECODER, *_rows(extension.value)], NO_DECODER
    return decoded, ""


def _decode(extension: _Extension) -> list[str] | None:
    """None: nobody here knows this kind of extension."""
    by_hand = BY_HAND.get(extension.oid)
    if by_hand:
        return list(by_hand(der.only_element(extension.value)))
    by_library = BY_LIBRARY.get(extension.oid)
    if by_library is None:
        return None
    return list(by_library(_carried(extension, extension.value)))


def _one_by_one(extension: _Extension) -> list[str]:
    """The elements of the value, each as if it were the only one; [] if none is readable."""
    words = BY_LIBRARY[extension.oid]
    lines: list[str] = []
    readable = False
    try:
        elements = list(DIVISIBLE[extension.oid](der.only_element(extension.value)))
    except der.DerError:
        return []
    for element, alone in elements:
        if len(lines) >= MAXIMUM_LINES:
            lines.append("")  # counted, never shown
            continue
        try:
            lines += words(_carried(extension, alone))
            readable = True
        except DECODING_ERRORS:
            lines.append(undecoded(element.raw))
    return lines if readable else []


def _rows(value: bytes) -> list[str]:
    return [octets(value[start : start + _ROW]) for start in range(0, len(value), _ROW)]


def _capped(lines: Sequence[str]) -> tuple[str, ...]:
    shown: Iterable[str] = lines
    if len(lines) > MAXIMUM_LINES:
        kept = MAXIMUM_LINES - 1
        shown = [*lines[:kept], f"… and {len(lines) - kept:,} more"]
    return tuple(map(visible, shown))


def _carrier() -> Callable[[_Extension, bytes], Any]:
    """Builds the decoder of one extension value: the library has no public function for that.

    The rest of the carrying certificate is as small as RFC 5280, 4.1 lets it be: no names, an
    Ed25519 key and signature of zeros. The library does not check them.
    """
    algorithm = der.encode(der.SEQUENCE, bytes.fromhex("06032b6570"))
    nobody = der.encode(der.SEQUENCE, b"")
    moment = der.encode(0x17, b"700101000000Z")
    before = b"".join(
        (
            bytes.fromhex("a003020102 020101"),  # version 3, serial number 1
            algorithm,
            nobody,
            der.encode(der.SEQUENCE, moment * 2),
            nobody,
            der.encode(der.SEQUENCE, algorithm + der.encode(der.BIT_STRING, bytes(33))),
        )
    )
    after = algorithm + der.encode(der.BIT_STRING, b"\0")

    def carried(extension: _Extension, value: bytes) -> Any:
        identifier = LIKE.get(extension.oid, extension.identifier.raw)
        content = identifier + der.encode(der.OCTET_STRING, value)
        extensions = der.encode(der.SEQUENCE, der.encode(der.SEQUENCE, content))
        signed = der.encode(der.SEQUENCE, before + der.encode(0xA3, extensions))
        certificate = x509.load_der_x509_certificate(der.encode(der.SEQUENCE, signed + after))
        return certificate.extensions[0].value

    return carried


_carried = _carrier()
