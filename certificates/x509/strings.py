"""The character strings of ASN.1 as text (ITU-T X.690, 8.23; X.680, 41)."""

from certificates.sentence import say
from certificates.x509.der import DerError, Element

_TELETEX = 0x14
_CODECS = {
    0x0C: "utf-8",  # UTF8String
    0x12: "ascii",  # NumericString
    0x13: "ascii",  # PrintableString
    0x16: "ascii",  # IA5String
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}


def text(element: Element) -> str:
    """The characters, unescaped: hand them to `visible` before anybody sees them.

    Raises:
        ValueError: it is no string, or its octets are not in the encoding that its tag names.
    """
    if element.tag == _TELETEX:
        return _teletex(element.content)
    codec = _CODECS.get(element.tag)
    if codec is None:
        raise DerError(
            element.start, say("tag {tag} is no character string", tag=f"{element.tag:#04x}")
        )
    return element.content.decode(codec)


def _teletex(content: bytes) -> str:
    """Real CAs wrote UTF-8 or Latin-1 under this tag, hardly ever T.61."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
