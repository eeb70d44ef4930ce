"""Many requests under way on one channel, and every reply is looked at.

Requests leave together in one SSH packet before a reply is waited for: that is where the speed
comes from. paramiko's own files do the like, and lose writes that failed (a full disk leaves the
right size and wrong bytes, and no error).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import paramiko

from bulk.transfer import wire
from bulk.transfer.guardian import Guardian
from bulk.transfer.wire import Code, Kind, Reader, WireError
from certificates.sentence import say

PACKET = 32_768 - 64  # bytes that leave in one SSH packet: paramiko splits what is longer
_CHUNK = 2**16
_BACKLOG = 2**23  # bytes that came and nobody has read yet; more than is ever asked for at once


class LineError(Exception):
    """The connection broke, or was closed; the text may be empty."""


class StatusError(Exception):
    """The server refuses a request.

    `said`: its own words, not to be trusted. `space`: on its disk then, where somebody asked.
    """

    def __init__(self, code: int, said: str) -> None:
        super().__init__(code, said)
        self.code, self.said = code, said
        self.space: wire.DiskSpace | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """`number`: of the request that it answers."""

    number: int
    kind: int
    body: bytes

    def checked(self, expected: Kind) -> Reader:
        """What is inside.

        Raises:
            StatusError: the server refuses instead.
            WireError: it is a reply of another kind.
        """
        reader = Reader(self.body)
        if self.kind == Kind.STATUS:
            code = reader.number()
            if code != Code.OK:
                said = bytes(reader.text()) if reader.has_more else b""
                raise StatusError(code, said.decode("utf-8", "replace"))
        if self.kind != expected:
            raise WireError(
                say(
                    "a reply is of kind {kind}, where {expected} was asked for",
                    kind=self.kind,
                    expected=expected,
                )
            )
        return reader


class Session:
    """SFTP on a channel whose subsystem has begun.

    Raises:
        LineError: the connection broke.
        WireError: the server speaks something else.
    """

    def __init__(self, channel: paramiko.Channel, guardian: Guardian) -> None:
        self._channel, self._guardian = channel, guardian
        self._inbox, self._outbox = bytearray(), bytearray()
        self._number = 0
        self._under_way: set[int] = set()
        errors = channel.in_stderr_buffer
        guardian.watch_flood(lambda: len(channel.in_buffer) + len(errors) > _BACKLOG)
        self._outbox += wire.packet(Kind.INIT, wire.VERSION, b"")
        kind, body = self._packet()
        if kind != Kind.VERSION:
            raise WireError(say("the server begins with a packet of kind {kind}", kind=kind))
        self.extensions = wire.extensions(Reader(body))

    def send(self, kind: Kind, body: bytes) -> int:
        """Ask without waiting; the number of the request, under which its reply comes."""
        self._number = (self._number + 1) & 0xFFFF_FFFF
        packet = wire.packet(kind, self._number, body)
        if len(self._outbox) + len(packet) > PACKET:
            self._flush()
        self._outbox += packet
        self._under_way.add(self._number)
        return self._number

    def next_reply(self) -> Reply:
        """The next one that comes, to whichever request."""
        kind, body = self._packet()
        number = int.from_bytes(body[:4], "big")
        if number not in self._under_way:
            raise WireError(say("a reply answers no request"))
        self._under_way.remove(number)
        return Reply(number, kind, body[4:])

    def call(self, kind: Kind, body: bytes, expected: Kind = Kind.STATUS) -> Reader:
        """Ask, and wait for the answer. What is still under way, after a failure, is dropped.

        Raises:
            StatusError: the server refuses.
        """
        while self._under_way:
            self.next_reply()
        self.send(kind, body)
        return self.next_reply().checked(expected)

    def extended(self, name: str, body: bytes, expected: Kind = Kind.STATUS) -> Reader:
        """A request beyond version 3; only for what `extensions` names."""
        return self.call(Kind.EXTENDED, wire.text(name) + body, expected)

    def _packet(self) -> tuple[int, bytes]:
        """Its kind, and what follows."""
        self._fill(4)
        length = int.from_bytes(self._inbox[:4], "big")
        if not wire.HEAD <= length <= wire.LONGEST:
            raise WireError(
                say("the server announces a packet of {size} bytes", size=f"{length:,}")
            )
        end = 4 + length
        self._fill(end)
        with memoryview(self._inbox) as inbox:
            kind, body = inbox[4], bytes(inbox[5:end])
        del self._inbox[:end]
        return kind, body

    def _fill(self, wanted: int) -> None:
        while len(self._inbox) < wanted:
            try:
                self._flush()
            except LineError:  # what the other side said before it hung up tells more
                if not self._channel.recv_ready():
                    raise
                self._outbox.clear()
            with self._line():
                data = self._channel.recv(_CHUNK)
            if not data:
                raise LineError
            self._inbox += data

    def _flush(self) -> None:
        if self._outbox:
            with self._line():
                self._channel.sendall(bytes(self._outbox))
            self._outbox.clear()

    @contextmanager
    def _line(self) -> Iterator[None]:
        self._guardian.waits()
        try:
            yield
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise LineError(getattr(error, "strerror", None) or str(error)) from error
        finally:
            self._guardian.heard()
