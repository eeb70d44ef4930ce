"""Names made comparable (RFC 5280, 7.1; RFC 4518): letter case, white space and string type fall.

Two spellings of one name must meet, or a path that is there isn't found. Whether the certificate
found so is the right one is never said by its name: its key has to verify the signature.
"""

import unicodedata
from functools import lru_cache

from certificates.x509.der import Element, dotted, only_element
from certificates.x509.strings import text

# Attribute type and value; a value that is no character string stays as its octets.
FoldedAttribute = tuple[str, str | bytes]
# Relative names in their order; within one, the order of the attributes says nothing.
FoldedName = tuple[tuple[FoldedAttribute, ...], ...]

COMMON_NAME = "2.5.4.3"
EMAIL_ADDRESS = "1.2.840.113549.1.9.1"
MAXIMUM_NAME = 16_384  # octets of one Name: hundreds of attributes, of which nobody has forty
# RFC 4518, 2.2: these are mapped to nothing; other controls that separate, to a space (2.6.1).
_NOTHING = {"Cc", "Cf"}
_SPACES = "\t\n\v\f\r\x85"


@lru_cache(maxsize=4096)
def folded(name: bytes) -> FoldedName:
    """A Name in DER as a value that is equal for names that are the same.

    Raises:
        DerError: it is no Name.
    """
    return tuple(
        tuple(sorted((_attribute(part) for part in relative.children()), key=repr))
        for relative in only_element(name, maximum_length=MAXIMUM_NAME).children()
    )


def _attribute(attribute: Element) -> FoldedAttribute:
    kind, value = attribute.children()
    try:
        return dotted(kind), fold(text(value))
    except ValueError:
        return dotted(kind), value.raw


def fold(value: str) -> str:
    """Text without what RFC 4518 calls insignificant: case, width, runs of white space."""
    if value.isascii() and value.isprintable():
        return " ".join(value.lower().split())
    if not value.isascii():
        value = unicodedata.normalize("NFKC", value).casefold()
        value = unicodedata.normalize("NFKC", value)
    spaced = "".join(
        " " if letter in _SPACES else letter
        for letter in value
        if letter in _SPACES or unicodedata.category(letter) not in _NOTHING
    )
    return " ".join(spaced.lower().split())


def attribute_values(name: bytes, kind: str) -> list[str]:
    """The values of one attribute type as they are written, in their order.

    Raises:
        ValueError: the name can't be read.
    """
    return [
        text(value)
        for relative in only_element(name, maximum_length=MAXIMUM_NAME).children()
        for found, value in (part.children() for part in relative.children())
        if dotted(found) == kind
    ]
