"""How far an import of many files is, for a person at a terminal or for a program; and its end."""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from certificates.management.import_sources import Sources
from certificates.operations.import_many import FileVerdict

PROGRESS = ("auto", "json", "none")
_EVERY = 0.5  # seconds between two looks at a terminal
_EVERY_LINE = 5.0  # seconds between two lines for a program


@dataclass
class Tally:
    """What became of the files and certificates so far; `there`: certificates that were in it."""

    accepted: int = 0
    refused: int = 0
    added: int = 0
    there: int = 0

    def count(self, verdict: FileVerdict) -> None:
        self.added += verdict.added
        if verdict.failed:
            self.refused += 1
        else:
            self.accepted += 1
            self.there += len(verdict.reads) - verdict.added

    @property
    def judged(self) -> int:
        return self.accepted + self.refused

    def as_json(self) -> dict[str, int]:
        return {
            "accepted": self.accepted,
            "refused": self.refused,
            "added": self.added,
            "already_there": self.there,
        }


@dataclass
class Progress:
    """Written to standard error: one line that is written over, or lines of JSON, or nothing."""

    kind: str
    sources: Sources
    tally: Tally
    stream: Any
    _began: float = field(default_factory=time.monotonic)
    _told: float = 0.0
    _total: int = 0

    def __post_init__(self) -> None:
        if self.kind == "auto":
            self.kind = "terminal" if sys.stderr.isatty() else "none"
        if self.kind != "none":
            self._total = self.sources.total

    def tell(self) -> None:
        """Say it, if it was not said a moment ago."""
        now = time.monotonic()
        every = _EVERY if self.kind == "terminal" else _EVERY_LINE
        if self.kind == "none" or now - self._told < every:
            return
        self._told = now
        percent = min(100, 100 * self.sources.octets // max(self._total, 1))
        seconds = max(now - self._began, 0.001)
        if self.kind == "json":
            told = self.tally.as_json() | {"percent": percent, "seconds": round(seconds, 1)}
            self._write(json.dumps({"progress": told}) + "\n")
            return
        a_second = self.tally.judged / seconds
        text = f"{percent} % read, {self.tally.judged:,} judged ({a_second:,.0f} a second)"
        self._write(f"\r{text}, {self.tally.added:,} new, {self.tally.refused:,} refused\x1b[K")

    def end(self) -> None:
        """Leave the terminal as it was."""
        if self.kind == "terminal" and self._told:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        self.stream.write(text, ending="")
        self.stream.flush()


@contextmanager
def until_interrupted() -> Iterator[Callable[[], bool]]:
    """Yields what says whether to go on: no after Ctrl-C. A second one is not waited for."""
    pressed = False

    def press(_number: int, _frame: Any) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        usual = signal.signal(signal.SIGINT, press)
    except ValueError:  # not in the main thread: nobody presses anything there
        yield lambda: True
        return
    try:
        yield lambda: not pressed
    finally:
        signal.signal(signal.SIGINT, usual)
