"""The line between a client and a server, with its faults: cut, silent, slow.

A TCP proxy on loopback. It breaks by itself after a number of bytes, or when a test says so, and
its speed may change while it carries.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

_CHUNK = 64 * 1024
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST and forgets what is unsent


class How(StrEnum):
    """The way in which a line breaks."""

    RESET = "reset"  # RST to both ends
    CLOSE = "close"  # FIN to both ends
    SILENT = "silent"  # the connection stands and nothing passes any more: a dead cable


@dataclass(frozen=True, slots=True)
class Break:
    """The line breaks when `after` bytes went `way`: "up" is from client to server, or "down"."""

    after: int
    way: str = "up"
    how: How = How.RESET


@dataclass
class Line:
    """`port`: where the client connects to. `passed`: bytes each way, of all connections."""

    target: int
    fault: Break | None = None
    rate: int | None = None  # bytes a second each way; may be changed at any time
    port: int = 0
    passed: dict[str, int] = field(default_factory=lambda: {"up": 0, "down": 0})
    broken: threading.Event = field(default_factory=threading.Event)
    connections: int = 0
    _how: How | None = None
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def cut(self, how: How = How.RESET) -> None:
        """Break now; from any thread."""
        self._loop.call_soon_threadsafe(self._break, how)

    def mend(self) -> None:
        """New connections pass again; from any thread."""
        self._loop.call_soon_threadsafe(self._mend)

    async def serve(self, started: threading.Event, ended: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0, limit=_CHUNK)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await ended.wait()
        server.close()
        self._break(How.RESET)
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(client)
        with contextlib.suppress(OSError, asyncio.CancelledError):  # the latter: the block ends
            answers, server = await asyncio.open_connection("127.0.0.1", self.target, limit=_CHUNK)
            self._writers.append(server)
            for writer in (client, server):
                self._make_exact(writer)
            await asyncio.gather(
                self._carry(reader, server, "up"), self._carry(answers, client, "down")
            )
        client.close()

    def _make_exact(self, writer: asyncio.StreamWriter) -> None:
        """No buffer holds much that counts as passed and is not."""
        writer.transport.set_write_buffer_limits(0)
        if self.rate:
            size = max(4096, self.rate)
            end = writer.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: str
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(self._room(way)):
                if self._how is How.SILENT:
                    continue
                if self._how:
                    break
                sink.write(data)
                await sink.drain()
                self.passed[way] += len(data)
                fault = self.fault
                if fault and fault.way == way and self.passed[way] >= fault.after:
                    self._break(fault.how)
                elif self.rate:
                    await asyncio.sleep(len(data) / self.rate)
        if self._how is not How.SILENT:
            sink.close()

    def _room(self, way: str) -> int:
        """How many bytes may pass at once: up to the break, and a tenth of a second's worth."""
        room = _CHUNK
        if self.fault and self.fault.way == way:
            room = min(room, max(1, self.fault.after - self.passed[way]))
        return min(room, max(1, self.rate // 10)) if self.rate else room

    def _break(self, how: How) -> None:
        self.fault, self._how = None, how
        self.broken.set()
        for writer in [] if how is How.SILENT else self._writers:
            with contextlib.suppress(OSError):
                end = writer.get_extra_info("socket")
                if how is How.CLOSE:
                    end.shutdown(socket.SHUT_RDWR)
                else:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    writer.transport.abort()

    def _mend(self) -> None:
        self._how = None
        self._writers.clear()


@contextmanager
def line_to(target: int, *, fault: Break | None = None, rate: int | None = None) -> Iterator[Line]:
    """A line to a port of this machine, for as long as the block lasts."""
    line = Line(target, fault, rate)
    started, ended = threading.Event(), asyncio.Event()
    work = line.serve(started, ended)
    thread = threading.Thread(target=lambda: line._loop.run_until_complete(work), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield line
    finally:
        line._loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        line._loop.close()
