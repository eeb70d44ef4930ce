"""What the body carries: lines of JSON, compressed (zlib, RFC 1950)."""

import json
import zlib
from collections.abc import Iterator
from typing import Any, Protocol

from certificates.refusal import Refused

_LEVEL = 3  # of compression: nearly the size of level 6 in half its time
_LONGEST = 64 * 1024 * 1024  # bytes of a line; a row of ours has less than a megabyte
_PORTION = 256 * 1024  # bytes that are unpacked at once, whatever the packed ones promise


class Sink(Protocol):
    def write(self, data: bytes) -> None: ...
    def finish(self) -> None: ...


class LineWriter:
    def __init__(self, sink: Sink) -> None:
        self._sink, self._packer = sink, zlib.compressobj(_LEVEL)
        self._encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode

    def write(self, value: Any) -> None:
        self._sink.write(self._packer.compress(self._encode(value).encode() + b"\n"))

    def finish(self) -> None:
        self._sink.write(self._packer.flush())
        self._sink.finish()


def read_lines(chunks: Iterator[bytes]) -> Iterator[Any]:
    """The values, one after the other. Raises `Refused` backup.content."""
    waiting: list[bytes] = []
    size = 0
    for portion in _unpacked(chunks):
        *ended, rest = portion.split(b"\n")
        for line in ended:
            yield _value(b"".join([*waiting, line]))
            waiting, size = [], 0
        waiting.append(rest)
        size += len(rest)
        if size > _LONGEST:
            raise _unreadable()
    if size:
        raise _unreadable()


def _unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    for chunk in chunks:
        packed = chunk
        while packed:
            try:
                portion = unpacker.decompress(packed, _PORTION)
            except zlib.error:
                raise _unreadable() from None
            packed = unpacker.unconsumed_tail
            yield portion
    # Not all that was read may have been handed out.
    while portion := _more(unpacker):
        yield portion
    if not unpacker.eof or unpacker.unused_data:
        raise _unreadable()


def _more(unpacker: Any) -> bytes:
    return bytes(unpacker.decompress(b"", _PORTION)) if not unpacker.eof else b""


def _value(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise _unreadable() from None


def _unreadable() -> Refused:
    wrong = "The backup opens, but its content is none that this version understands."
    return Refused("backup.content", wrong, "Use the version of the product that made it.")
