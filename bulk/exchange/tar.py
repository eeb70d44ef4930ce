"""tar, as strict as it gets: POSIX ustar, plain files, their content in the order of the archive.

The reader sees one header at a time and allocates nothing that a header asks for: whoever reads an
entry says how much it may be. No name is ever used as a path.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from bulk.exchange.unpacking import AGAIN, Readable
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

BLOCK = tarfile.BLOCKSIZE
_RECORD = tarfile.RECORDSIZE  # 20 blocks: the whole archive is filled up to a multiple of it
_USTAR = b"ustar\x0000"
_NAME, _PREFIX, _TYPE, _MAGIC = slice(0, 100), slice(345, 500), slice(156, 157), slice(257, 265)
_NUMBERS = (slice(100, 108), slice(124, 136), slice(136, 148))  # mode, size, time
_HIGHEST_BIT = 0x80
_KINDS = {
    tarfile.SYMTYPE: say("a symbolic link"),
    tarfile.LNKTYPE: say("a hard link"),
    tarfile.CHRTYPE: say("a device"),
    tarfile.BLKTYPE: say("a device"),
    tarfile.DIRTYPE: say("a folder"),
    tarfile.FIFOTYPE: say("a named pipe"),
    tarfile.XHDTYPE: say("a pax header"),
    tarfile.XGLTYPE: say("a pax header"),
    tarfile.GNUTYPE_LONGNAME: say("a GNU header for a long name"),
    tarfile.GNUTYPE_LONGLINK: say("a GNU header for a long link"),
    tarfile.GNUTYPE_SPARSE: say("a sparse file"),
}
_STEP = 64 * 1024
_LONGEST_SHOWN = 100  # characters


@dataclass(frozen=True, slots=True)
class Entry:
    """A plain file; `size` in bytes, as its header claims."""

    name: str
    size: int


class TarReader:
    """Entries one after the other. All methods raise `Refused` archive.form, archive.entry."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._left = self._padding = self._position = 0
        self._seen: set[str] = set()

    def next(self) -> Entry | None:
        """The next entry, past what is left of this one; None at the end, once it is whole."""
        while self.read(_STEP):
            pass
        if any(self._exactly(self._padding)):
            raise Refused("archive.form", say("Something stands between two of its files."), AGAIN)
        self._padding = 0
        header = self._exactly(BLOCK)
        if not any(header):
            self._end()
            return None
        entry = _entry(header)
        if entry.name in self._seen:
            wrong = say("The archive holds {name} twice.", name=shown(entry.name))
            raise Refused("archive.entry", wrong, AGAIN)
        self._seen.add(entry.name)
        self._left, self._padding = entry.size, -entry.size % BLOCK
        return entry

    def read(self, size: int, /) -> bytes:
        """Of the entry: exactly `size` bytes, or what is left of it."""
        found = self._exactly(min(size, self._left))
        self._left -= len(found)
        return found

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size and (part := self._source.read(size)):
            parts.append(part)
            size -= len(part)
            self._position += len(part)
        if size:
            raise Refused("archive.form", say("The archive is cut short."), AGAIN)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _end(self) -> None:
        """Two blocks of zeros, more of them up to a whole record, and nothing behind."""
        zeros = self._exactly(BLOCK) + self._exactly(-(self._position) % _RECORD)
        if any(zeros) or self._source.read(1):
            raise Refused(
                "archive.form", say("Something stands behind the end of the archive."), AGAIN
            )


def _entry(header: bytes) -> Entry:
    kind = header[_TYPE]
    try:
        found = tarfile.TarInfo.frombuf(header, "ascii", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError):
        wrong = say("The header of one of its files is not one of tar, or was changed.")
        raise Refused("archive.form", wrong, AGAIN) from None
    if kind != tarfile.REGTYPE:
        what = _KINDS.get(kind, say("of an unknown type"))
        wrong = say(
            "{name} in the archive is {what}; only plain files may be in it.",
            name=shown(found.name),
            what=what,
        )
        raise Refused("archive.entry", wrong, AGAIN)
    if header[_MAGIC] != _USTAR:
        wrong = say("The archive is not written in the form ustar of POSIX.")
        raise Refused("archive.form", wrong, AGAIN)
    if found.size < 0 or any(header[number][0] & _HIGHEST_BIT for number in _NUMBERS):
        wrong = say(
            "The size or the time of {name} in the archive is not in octal.",
            name=shown(found.name),
        )
        raise Refused("archive.entry", wrong, AGAIN)
    _refuse_path(found.name, header)
    return Entry(found.name, found.size)


def _refuse_path(name: str, header: bytes) -> None:
    """Ours have a folder at most; anything else would write elsewhere when tar extracts it."""
    parts = name.split("/")
    if header[_NAME].rstrip(b"\0").count(0) or header[_PREFIX].rstrip(b"\0").count(0):
        wrong = say("The name of {name} in the archive goes on behind a NUL.", name=shown(name))
    elif not name or name.startswith("/"):
        wrong = say(
            "The archive holds a file of the absolute name {name}, or of none.", name=shown(name)
        )
    elif ".." in parts or "." in parts or "" in parts:
        wrong = say("The name {name} in the archive leads to another folder.", name=shown(name))
    elif "\\" in name or ":" in name or visible(name) != name:
        wrong = say(
            "The name {name} in the archive has characters that none of ours has.",
            name=shown(name),
        )
    else:
        return
    raise Refused("archive.entry", wrong, say("Don't unpack it. Ask whoever wrote it there."))


def shown(name: str) -> str:
    """A name out of an archive, harmless to look at."""
    return repr(visible(name[:_LONGEST_SHOWN]))


class TarWriter:
    """Plain files of one time, owned by nobody in particular: the same input, the same bytes."""

    def __init__(self, target: BinaryIO, *, time: int) -> None:
        self._target, self._time, self._position = target, time, 0

    def add(self, name: str, content: bytes) -> None:
        self.stream(name, len(content), iter((content,)))

    def stream(self, name: str, size: int, parts: Iterator[bytes]) -> None:
        """Raises ValueError where the parts are not `size` bytes together."""
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = size, self._time, 0o644
        self._write(entry.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict"))
        before = self._position
        for part in parts:
            self._write(part)
        if self._position - before != size:
            raise ValueError(f"{name} has {self._position - before} bytes, not {size}")
        self._write(bytes(-size % BLOCK))

    def end(self) -> None:
        self._write(bytes(2 * BLOCK))
        self._write(bytes(-self._position % _RECORD))

    def _write(self, data: bytes) -> None:
        self._target.write(data)
        self._position += len(data)
