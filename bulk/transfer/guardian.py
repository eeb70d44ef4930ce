"""The guardian of a connection: ends it when somebody cancels, or nothing moves, or time is up.

No wait of paramiko's is trusted to end: some never do. A thread looks at the clock and closes the
connection, and whatever waits for it raises.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import Enum, auto
from threading import Event
from typing import Protocol

STOP_EACH = 0.5  # seconds between two questions whether somebody has cancelled
_LOOK = 0.1  # seconds between two looks at the clock


class Cancelled(Exception):  # noqa: N818 - an answer, not an error
    """Somebody asked for the end; the connection was closed at once."""


class Why(Enum):
    """What made the guardian end a connection."""

    STOPPED = auto()
    SILENT = auto()
    TIME = auto()
    FLOOD = auto()
    BROKEN = auto()  # the question itself failed; what it raised comes out of the block


class Closable(Protocol):
    def close(self) -> None: ...


class Guardian:
    """Whoever does the work says when it waits for the server, and when the server answers.

    Args:
        stop: whether somebody has cancelled; asked in a thread of its own.
        patience: seconds that one waits for an answer.
        limit: seconds in all.
    """

    def __init__(self, stop: Callable[[], bool], *, patience: float, limit: float) -> None:
        self._stop, self.patience, self.limit = stop, patience, limit
        self._begun = time.monotonic()
        self._asked = self._begun - STOP_EACH
        self._waits_since: float | None = None
        self._over = Event()
        self._connection: Closable | None = None
        self._is_flooded: Callable[[], bool] = lambda: False
        self.why: Why | None = None

    def watch(self, connection: Closable) -> None:
        """This is what is closed."""
        self._connection = connection

    def watch_flood(self, is_flooded: Callable[[], bool]) -> None:
        """Ask, too, whether more came than anybody asked for."""
        self._is_flooded = is_flooded

    def waits(self) -> None:
        self._waits_since = time.monotonic()

    def heard(self) -> None:
        self._waits_since = None

    @contextmanager
    def on_duty(self) -> Iterator[None]:
        """For as long as the block lasts.

        Raises:
            Exception: what `stop` raised, in the place of what came of the end of the connection.
        """
        with ThreadPoolExecutor(1, "guardian") as thread:
            duty = thread.submit(self._keep)
            try:
                yield
            finally:
                self._over.set()
                if error := duty.exception():
                    raise error

    def _keep(self) -> None:
        try:
            why = self._reason()
            while why is None and not self._over.wait(_LOOK):
                why = self._reason()
        except Exception:
            self._end(Why.BROKEN)
            raise
        if why:
            self._end(why)

    def _reason(self) -> Why | None:
        now, since = time.monotonic(), self._waits_since
        if now - self._begun > self.limit:
            return Why.TIME
        if since is not None and now - since > self.patience:
            return Why.SILENT
        if self._is_flooded():
            return Why.FLOOD
        if now - self._asked >= STOP_EACH:
            self._asked = now
            return Why.STOPPED if self._stop() else None
        return None

    def _end(self, why: Why) -> None:
        """Close again and again: paramiko's transport does not hear it before it has begun."""
        self.why = why
        while not self._over.wait(_LOOK):
            if self._connection:
                self._connection.close()
