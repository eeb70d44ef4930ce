"""Whether there is a private key anywhere in a file, in any form that software writes them in.

Only yes or no comes out: nothing of a key is kept, shown or put into an error.
"""

import binascii
import re

from certificates.x509.uploads.foreign_der import Kind, kind_of
from certificates.x509.uploads.pem_blocks import PemFile

# PEM, SSH2 (RFC 4716 has four dashes and a blank) and OpenPGP; either boundary gives it away.
_BOUNDARY = re.compile(rb"-{2,5} ?(?:BEGIN|END) [^\r\n-]{0,60}PRIVATE KEY", re.IGNORECASE)
_MARKS = (b"PuTTY-User-Key-File-", b"openssh-key-v1\0")
_BASE64_RUN = re.compile(rb"(?:[A-Za-z0-9+/]{16,}+={0,2}[ \t\r\n]*+)++")


def has_private_key(data: bytes, pem: PemFile | None, kind: Kind) -> bool:
    """Whether a private key is in `data`, encrypted ones included.

    Args:
        pem: the blocks of `data`, if it has any.
        kind: what `data` is, as `kind_of` says.
    """
    # Without its NULs, text in UTF-16 is ASCII.
    plain = data.replace(b"\0", b"") if b"\0" in data[:100] else data
    if shows_private_key(plain) or any(mark in data for mark in _MARKS):
        return True
    if kind is Kind.PRIVATE_KEY:
        return True
    if pem is not None:
        return any(_is_key(block.body) for block in pem.blocks) or _has_bare_key(pem.around)
    return _looks_like_text(plain) and _has_bare_key(plain)


def shows_private_key(data: bytes) -> bool:
    """Whether words stand in `data` that only a private key has around it."""
    return _has_boundary(data) or any(mark in data for mark in _MARKS)


def _has_boundary(data: bytes) -> bool:
    """The words are looked for first: that is quicker than the expression."""
    return b"PRIVATE KEY" in data.upper() and _BOUNDARY.search(data) is not None


def _has_bare_key(text: bytes) -> bool:
    """Base64 without boundaries: of DER, or of a whole PEM file."""
    return any(_is_key(found[0]) for found in _BASE64_RUN.finditer(text))


def _looks_like_text(data: bytes) -> bool:
    return not data[:1000].translate(
        None, bytes(range(32, 127)) + b"\t\r\n\f\v\xef\xbb\xbf\xfe\xff"
    )


def _is_key(base64: bytes) -> bool:
    """Whether the octets behind some base64 begin like a key. It may be cut off."""
    compact = base64.translate(None, b" \t\r\n\v\f")
    try:
        octets = binascii.a2b_base64(compact[: len(compact) // 4 * 4])
    except binascii.Error:
        return False
    return kind_of(octets) is Kind.PRIVATE_KEY or _has_boundary(octets)
