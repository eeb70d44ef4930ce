"""Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02), which is what OpenSSH speaks.

Only bytes go in and out here. What a server sends is not believed: each length is compared with
what is there before anything is read or kept.
"""

import stat
import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from certificates.sentence import say

VERSION = 3
HEAD = 5  # bytes in front of a packet's number: its length and its kind
LONGEST = 2**18 + 1024  # bytes of a packet; OpenSSH sends and takes 256 KiB
SECONDS_MAX = 2**32 - 1  # a time is 32 bits


class Kind(IntEnum):
    """Of a packet (section 3)."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    STAT = 17
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200
    EXTENDED_REPLY = 201


class Code(IntEnum):
    """Of a status (section 7). Everything that is none of these is a `FAILURE`."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    UNSUPPORTED = 8


class Open(IntFlag):
    """How a file is opened (section 6.3)."""

    READ = 0x01
    WRITE = 0x02
    CREATE = 0x08
    EXCLUSIVE = 0x20


class WireError(Exception):
    """What the server sent is not SFTP; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """Of a file (section 5). None: the server does not say."""

    size: int | None = None
    permissions: int | None = None
    modified: int | None = None  # seconds since 1970, by the server's clock

    @property
    def is_file(self) -> bool:
        """Regular: neither folder nor link, device, pipe or socket."""
        return self.permissions is not None and stat.S_ISREG(self.permissions)

    @property
    def is_folder(self) -> bool:
        return self.permissions is not None and stat.S_ISDIR(self.permissions)


class Reader:
    """What is left of a packet, field by field."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data, self._at = memoryview(data), 0

    def take(self, count: int) -> memoryview:
        end = self._at + count
        if end > len(self._data):
            raise WireError(say("a packet ends in the middle of a field"))
        taken, self._at = self._data[self._at : end], end
        return taken

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def long(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def text(self) -> memoryview:
        """A string of bytes, in front of which stands its length."""
        return self.take(self.number())

    @property
    def has_more(self) -> bool:
        return self._at < len(self._data)

    def attributes(self) -> Attributes:
        flags, size, permissions, modified = self.number(), None, None, None
        if flags & 0x01:
            size = self.long()
        if flags & 0x02:
            self.take(8)  # user and group
        if flags & 0x04:
            permissions = self.number()
        if flags & 0x08:
            self.take(4)  # when it was read
            modified = self.number()
        if flags & 0x8000_0000:
            for _ in range(self.number()):  # ends with the packet, whatever the number
                self.text(), self.text()
        return Attributes(size, permissions, modified)


def text(value: str | bytes) -> bytes:
    """A string of bytes with its length in front."""
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(raw)) + raw


def packet(kind: Kind, number: int, body: bytes) -> bytes:
    """For INIT `number` is the version."""
    return struct.pack(">IBI", HEAD + len(body), kind, number) + body


def open_file(path: str, how: Open) -> bytes:
    """The body of an OPEN; a new file gets the rights that the server's mask leaves."""
    return text(path) + struct.pack(">II", how, 0)


def write(handle: bytes, offset: int, data: bytes) -> bytes:
    """The body of a WRITE."""
    return text(handle) + struct.pack(">QI", offset, len(data)) + data


def read(handle: bytes, offset: int, length: int) -> bytes:
    """The body of a READ."""
    return text(handle) + struct.pack(">QI", offset, length)


def extensions(version: Reader) -> dict[str, str]:
    """What the server offers beyond version 3: name -> version of it.

    Raises:
        WireError: it speaks another version.
    """
    if (spoken := version.number()) != VERSION:
        raise WireError(
            say(
                "the server speaks version {spoken} of SFTP, not {version}",
                spoken=spoken,
                version=VERSION,
            )
        )
    found = {}
    while version.has_more:
        name, value = bytes(version.text()), bytes(version.text())
        found[name.decode("ascii", "replace")] = value.decode("ascii", "replace")
    return found


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of a directory; nothing says that its name is UTF-8, or harmless."""

    name: bytes
    attributes: Attributes


def listed(names: Reader) -> list[Listed]:
    """The entries of a NAME; their number is believed no further than the packet goes."""
    found = []
    for _ in range(names.number()):
        name = bytes(names.text())
        names.text()  # the same as a line of `ls -l`
        found.append(Listed(name, names.attributes()))
    return found


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """What "statvfs@openssh.com" tells (OpenSSH, PROTOCOL, 4.4)."""

    free: int  # bytes that whoever signed in may still write
    free_names: int  # files that may still be made
    is_read_only: bool


def disk_space(reply: Reader) -> DiskSpace:
    """The answer to "statvfs@openssh.com"."""
    _, unit, _, _, available, _, _, names, _, flags, _ = (reply.long() for _ in range(11))
    return DiskSpace(unit * available, names, bool(flags & 0x1))
