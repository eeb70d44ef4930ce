"""gzip (RFC 1952), unpacked a little at a time: what is packed never decides how much memory.

One member and nothing behind it. Checksum and length at its end are checked by zlib.
"""

import zlib
from typing import Protocol

from bulk.exchange import limits
from certificates.refusal import Refused
from certificates.sentence import say

_PACKED_STEP = 16 * 1024
_UNPACKED_STEP = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS
AGAIN = say("Have its cluster export again; then consolidate.")


class Readable(Protocol):
    """What `read` is asked of: at most so many bytes, b"" at the end."""

    def read(self, size: int, /) -> bytes: ...


class Unpacked:
    """The bytes that a gzip stream holds. `read` raises `Refused` archive.form, archive.size."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._decoder = zlib.decompressobj(_GZIP)
        self._buffer = b""
        self._packed = self._unpacked = 0

    def read(self, size: int, /) -> bytes:
        if not self._buffer:
            self._buffer = self._step()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _step(self) -> bytes:
        """Some more; b"" where the stream ends as it must."""
        while not self._decoder.eof:
            packed = self._decoder.unconsumed_tail or self._more()
            try:
                found = self._decoder.decompress(packed, _UNPACKED_STEP)
            except zlib.error:
                wrong = say("The archive is not gzip, or its packed bytes were changed.")
                raise Refused("archive.form", wrong, AGAIN) from None
            if found:
                return self._counted(found)
            if not packed:
                raise Refused(
                    "archive.form", say("The archive is cut short within its gzip."), AGAIN
                )
        if self._decoder.unused_data or self._source.read(1):
            raise Refused(
                "archive.form", say("Something stands behind the end of the gzip."), AGAIN
            )
        return b""

    def _more(self) -> bytes:
        found = self._source.read(_PACKED_STEP)
        self._packed += len(found)
        if self._packed > limits.EXPORT_PACKED:
            wrong = say(
                "The archive has more than {most} bytes, packed.",
                most=f"{limits.EXPORT_PACKED:,}",
            )
            raise Refused("archive.size", wrong, AGAIN)
        return found

    def _counted(self, found: bytes) -> bytes:
        self._unpacked += len(found)
        if self._unpacked > limits.EXPORT_UNPACKED:
            wrong = say(
                "The archive unpacks to more than {most} bytes.",
                most=f"{limits.EXPORT_UNPACKED:,}",
            )
            raise Refused("archive.size", wrong, AGAIN)
        return found
