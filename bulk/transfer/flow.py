"""The bytes of one file, up or down: as many requests under way as the line is fast."""

import time
from collections import deque
from collections.abc import Callable

from bulk.transfer import wire
from bulk.transfer.pipeline import Session, StatusError
from bulk.transfer.wire import Code, Kind, WireError
from certificates.sentence import say

Progress = Callable[[int], None]  # bytes that the server has acknowledged
_LEAST = 4096
_WRITE = 32_640  # with its head it fills one SSH packet
_READ = 261_000  # OpenSSH answers no more at once
_WINDOW = 2**21  # bytes under way at most
_SHARE = 0.25  # of a second: what one request may take on the line
_AHEAD = 2.0  # seconds: what all that are under way may take
_CRUMBS = 1024  # pieces that are kept until their turn comes
_MEASURED = 16  # acknowledgements


class EndedEarlyError(Exception):
    """The file is shorter than the server said when it was opened."""


class Pace:
    """How much to ask for at once, from how quickly the last answers came.

    A large request is fast, and on a slow line it answers nothing for minutes: nobody sees whether
    it lives.
    """

    def __init__(self, most: int) -> None:
        self._most, self._done = most, 0
        self._times = deque([(time.monotonic(), 0)], maxlen=_MEASURED)

    def acknowledged(self, count: int) -> None:
        self._done += count
        self._times.append((time.monotonic(), self._done))

    @property
    def _rate(self) -> float:
        """Bytes a second."""
        begun, before = self._times[0]
        return (self._done - before) / (self._times[-1][0] - begun + 1e-6)

    @property
    def size(self) -> int:
        """Bytes of the next request."""
        return int(min(self._most, max(_LEAST, self._rate * _SHARE)))

    @property
    def window(self) -> int:
        """Bytes that may be under way."""
        return int(min(_WINDOW, max(4 * _LEAST, self._rate * _AHEAD)))


def put(session: Session, handle: bytes, source: Callable[[int], bytes], progress: Progress) -> int:
    """Write into an open file what `source` gives. How many bytes that were.

    Args:
        source: the next bytes, at most so many; b"" at the end.

    Raises:
        StatusError: the server refuses one of the writes; others may be under way.
        LineError, WireError.
    """
    pace, under_way = Pace(_WRITE), dict[int, int]()
    sent = done = 0
    is_all = False
    while True:
        while not is_all and sent - done < pace.window:
            data = source(pace.size)
            is_all = not data
            if data:
                number = session.send(Kind.WRITE, wire.write(handle, sent, data))
                under_way[number] = len(data)
                sent += len(data)
        if not under_way:
            return sent
        reply = session.next_reply()
        reply.checked(Kind.STATUS)
        count = under_way.pop(reply.number)
        done += count
        pace.acknowledged(count)
        progress(done)


def get(
    session: Session,
    handle: bytes,
    size: int,
    take: Callable[[memoryview], object],
    progress: Progress,
) -> None:
    """Hand the first `size` bytes of an open file to `take`, in their order.

    Raises:
        EndedEarlyError: the file ends before.
        StatusError, LineError, WireError.
    """
    pace = Pace(_READ)
    under_way: dict[int, tuple[int, int]] = {}  # request -> where, and how much
    came: dict[int, memoryview] = {}  # what came before its turn
    asked = done = 0
    while done < size:
        while asked < size and asked - done < pace.window:
            length = min(pace.size, size - asked)
            under_way[session.send(Kind.READ, wire.read(handle, asked, length))] = (asked, length)
            asked += length
        number, data = _data(session)
        where, length = under_way.pop(number)
        if not 0 < len(data) <= length:
            raise WireError(
                say(
                    "{size} bytes came where {wanted} were asked for",
                    size=f"{len(data):,}",
                    wanted=f"{length:,}",
                )
            )
        if rest := length - len(data):  # a server may answer with less
            where_next = where + len(data)
            again = session.send(Kind.READ, wire.read(handle, where_next, rest))
            under_way[again] = (where_next, rest)
        came[where] = data
        if len(came) > _CRUMBS:
            raise WireError(say("the pieces of a file come one by one, and not the first"))
        pace.acknowledged(len(data))
        while (ready := came.pop(done, None)) is not None:
            take(ready)
            done += len(ready)
        progress(done)


def ends_at(session: Session, handle: bytes, size: int) -> bool:
    """Whether the open file has no byte after its first `size`."""
    session.send(Kind.READ, wire.read(handle, size, 1))
    try:
        _data(session)
    except EndedEarlyError:
        return True
    return False


def _data(session: Session) -> tuple[int, memoryview]:
    reply = session.next_reply()
    try:
        return reply.number, reply.checked(Kind.DATA).text()
    except StatusError as error:
        if error.code == Code.EOF:
            raise EndedEarlyError from error
        raise
