"""The text of an API token: made of 256 random bits, recognised at sight, kept as a digest.

`ccxsec_` lets secret scanners find one that was pasted somewhere; the checksum at its end lets a
mistyped or made-up one be refused without asking the database.
"""

import base64
import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass, field

PREFIX = "ccxsec_"
SECRET_BYTES = 32
_IDENTIFIER, _SECRET, _CHECKSUM = 8, 52, 7  # characters of base32 (RFC 4648), in small letters
_SHAPE = re.compile(f"{PREFIX}[a-z2-7]{{{_IDENTIFIER + _SECRET + _CHECKSUM}}}")


@dataclass(frozen=True, slots=True)
class TokenText:
    """A token as its owner holds it. `identifier` is no secret: it finds the row."""

    identifier: str
    text: str = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal. No salt, no slow hash: nobody can guess 256 bits."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def new_token() -> TokenText:
    """One that nobody has yet."""
    identifier = _base32(secrets.token_bytes(5))
    body = PREFIX + identifier + _base32(secrets.token_bytes(SECRET_BYTES))
    return TokenText(identifier, body + _checksum(body))


def read_token(text: str) -> TokenText | None:
    """What somebody sent as a token; None when it can't be one of ours."""
    if not _SHAPE.fullmatch(text) or _checksum(text[:-_CHECKSUM]) != text[-_CHECKSUM:]:
        return None
    return TokenText(text[len(PREFIX) : len(PREFIX) + _IDENTIFIER], text)


def _checksum(body: str) -> str:
    return _base32(zlib.crc32(body.encode()).to_bytes(4, "big"))


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()
