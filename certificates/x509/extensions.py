"""The extensions of a certificate in words (CM-3; RFC 5280, 4.2).

`Certificate.extensions` of the library fails as a whole. So each extension is decoded by itself,
inside a tiny certificate that carries nothing else; where that fails, its elements are tried one
by one; what is left is hexadecimal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from certificates.sentence import say
from certificates.x509 import der
from certificates.x509.decoding import DECODING_ERRORS, octets, reason, undecoded
from certificates.x509.extension_values import BY_HAND, BY_LIBRARY, DIVISIBLE, LIKE
from certificates.x509.fields import Extension, extension_entries
from certificates.x509.loading import carried_extension
from certificates.x509.object_names import EXTENSIONS
from certificates.x509.visible import visible

MAXIMUM_LINES = 2000  # of one extension
NO_DECODER = say("No decoder for this extension.")
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
    for extension in extension_entries(field):
        name = EXTENSIONS.get(extension.oid, say("Unknown extension"))
        lines, why = _lines(extension)
        if extension.oid in seen:
            lines = [say("It stands here more than once, which RFC 5280, 4.2 forbids."), *lines]
        seen.add(extension.oid)
        if why not in ("", NO_DECODER):
            sentences.append(say("{name} ({oid}): {why}", name=name, oid=extension.oid, why=why))
        shown = _capped(lines)
        texts.append(ExtensionText(extension.oid, name, extension.critical, shown, not why))
    return tuple(texts), tuple(sentences)


def _lines(extension: Extension) -> tuple[list[str], str]:
    """The lines, and why they are not the decoded value: "" if they are."""
    try:
        decoded = decode_extension(extension)
    except DECODING_ERRORS as error:
        why = say("It can't be decoded: {reason}.", reason=reason(error))
        partly = _one_by_one(extension) if extension.oid in DIVISIBLE else []
        return [why, *(partly or _rows(extension.value))], why
    if decoded is None:
        return [NO_DECODER, *_rows(extension.value)], NO_DECODER
    return decoded, ""


def decode_extension(
    extension: Extension, decoded: Mapping[str, Any] | None = None
) -> list[str] | None:
    """Its lines; None: nobody here knows this kind. Raises one of `DECODING_ERRORS`.

    Args:
        decoded: what the library has made of this certificate's extensions already, dotted.
    """
    by_hand = BY_HAND.get(extension.oid)
    if by_hand:
        return list(by_hand(der.only_element(extension.value)))
    by_library = BY_LIBRARY.get(extension.oid)
    if by_library is None:
        return None
    value = decoded.get(extension.oid) if decoded else None
    if value is None:
        value = _carried(extension, extension.value)
    return list(by_library(value))


def _one_by_one(extension: Extension) -> list[str]:
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
        shown = [*lines[:kept], say("… and {count} more", count=f"{len(lines) - kept:,}")]
    return tuple(map(visible, shown))


def _carried(extension: Extension, value: bytes) -> Any:
    return carried_extension(LIKE.get(extension.oid, extension.identifier.raw), value)
