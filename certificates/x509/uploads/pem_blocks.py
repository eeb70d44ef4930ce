"""The blocks of a PEM file: their labels, and the DER inside one of them (RFC 7468).

More patient than the RFC where nothing is at stake: any line ends, indentation, text around a
block, a byte-order mark. Strict where two readers could see two things: labels, base64.
"""

import binascii
import re
from dataclasses import dataclass, field

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

# OpenSSL reads both, and so does this (RFC 7468, 5.1 and its appendix A).
CERTIFICATE_LABELS = ("CERTIFICATE", "X509 CERTIFICATE")
_BOUNDARY = re.compile(rb"-----(BEGIN|END) ([^\r\n-]{0,100})-----")
_SPACE = b" \t\r\n\v\f"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_CURE = say("Export the certificate again, as Base-64 encoded X.509 (PEM), or upload it as DER.")


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two boundaries, at `source[start:end]`."""

    label: str
    source: bytes = field(repr=False)  # could hold a key
    start: int
    end: int

    @property
    def body(self) -> bytes:
        return self.source[self.start : self.end]

    @property
    def line(self) -> int:
        """Of the BEGIN boundary; the first line of the file is 1."""
        return line_count(self.source[: self.start])


@dataclass(frozen=True, slots=True)
class PemFile:
    """All blocks that begin, in their order, and the text around them."""

    blocks: tuple[Block, ...]
    labels: tuple[str, ...]
    unfinished: str
    around: bytes = field(repr=False)


def line_count(data: bytes) -> int:
    """Line ends of every kind (CR LF is one), and the line behind the last."""
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n") + 1


def pem_blocks(data: bytes) -> PemFile | None:
    """What PEM there is in `data`; None if no boundary is.

    `unfinished` says which boundary has no partner, "" where all have.
    """
    boundaries = list(_BOUNDARY.finditer(data))
    if not boundaries:
        return None
    blocks, labels, around = [], [], []
    unfinished, begin, outside = "", None, 0
    for found in boundaries:
        label = found[2].decode("ascii", "replace")
        if found[1] == b"BEGIN":
            labels.append(label)
            if begin is None:
                around.append(data[outside : found.start()])
            else:
                unfinished = unfinished or _boundary(begin)
            begin = found
        elif begin is None or begin[2] != found[2]:
            unfinished = unfinished or _boundary(found)
        else:
            blocks.append(Block(label, data, begin.end(), found.start()))
            begin, outside = None, found.end()
    if begin is not None:
        unfinished = unfinished or _boundary(begin)
    around.append(data[outside:])
    return PemFile(tuple(blocks), tuple(labels), unfinished, b"\n".join(around))


def _boundary(found: re.Match[bytes]) -> str:
    return visible(found[0].decode("ascii", "replace"))


def decoded(block: Block) -> bytes:
    """The DER inside.

    Raises:
        Refused: parse; the sentence names the line that is no base64.
    """
    body = block.body.translate(None, _SPACE)
    if body.translate(None, _BASE64):
        wrong = say(
            "Line {line} of the file is not base64.",
            line=_first_bad_line(block),
        )
        if b"\\n" in body or b"\\r" in body:
            cure = say(r"Replace each \n in the text by a real line break, and upload it again.")
        else:
            cure = _CURE
        raise Refused("parse", wrong, cure)
    try:
        return binascii.a2b_base64(body, strict_mode=True)
    except binascii.Error as error:
        wrong = say(
            "The base64 of the {label} block that begins in line {line} is "
            "damaged: characters are missing, or too many, or = stands within "
            "it.",
            label=visible(block.label),
            line=block.line,
        )
        raise Refused("parse", wrong, _CURE) from error


def _first_bad_line(block: Block) -> int:
    lines = block.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    bad = (n for n, line in enumerate(lines) if line.translate(None, _SPACE + _BASE64))
    return block.line + next(bad)
