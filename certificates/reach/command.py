"""Commands on a node: no shell, a time limit, and the end of what they print."""

import contextlib
import os
import selectors
import signal
import subprocess  # nosec B404 - the operator's own command, without a shell
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO

KEPT = 16 * 1024  # bytes of the output, its end
_CHUNK = 64 * 1024
_LOOK = 0.2  # seconds between two looks whether it has ended
NOT_FOUND = 127  # the status by which a shell says that there is no such command


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. `status` None: it was stopped at its time limit."""

    status: int | None
    output: str

    @property
    def lines(self) -> list[str]:
        return [line for line in self.output.splitlines() if line.strip()]


@dataclass
class Tail:
    """The end of an output of any length."""

    _parts: deque[bytes] = field(default_factory=deque)
    _held: int = 0
    _dropped: bool = False

    def add(self, data: bytes) -> None:
        self._parts.append(data)
        self._held += len(data)
        while self._parts and self._held - len(self._parts[0]) >= KEPT:
            self._held -= len(self._parts.popleft())
            self._dropped = True

    def text(self) -> str:
        held = b"".join(self._parts)
        cut = self._dropped or len(held) > KEPT
        return ("… " if cut else "") + held[-KEPT:].decode(errors="replace")


def run_here(words: Sequence[str], *, limit: float) -> Ended:
    """Run a command on this server; at its limit it is killed with all that it has started.

    Args:
        words: the program and its arguments.
        limit: seconds.
    """
    tail, deadline = Tail(), time.monotonic() + limit
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell; the operator's own command
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env=_environment(),
        )
    except OSError as error:
        return Ended(NOT_FOUND, f"{words[0]} can't be started: {error.strerror}.")
    with process:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        _drain(process, process.stdout, tail, deadline)
        status = process.poll()
        if status is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return Ended(status, tail.text())


def _drain(
    process: "subprocess.Popen[bytes]", pipe: IO[bytes], tail: Tail, deadline: float
) -> None:
    """Read until the program has ended, or its time.

    A service that it has started may hold on to its output, and goes on: that is not waited for.
    """
    os.set_blocking(pipe.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            has_ended = process.poll() is not None
            if not selector.select(0 if has_ended else min(left, _LOOK)):
                if has_ended:
                    return
                continue
            data = os.read(pipe.fileno(), _CHUNK)
            tail.add(data)
            if not data:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(left)
                return


def _environment() -> dict[str, str]:
    """Ours holds secrets of the product: a command gets none of it but where programs are."""
    kept = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "USER")
    return {name: os.environ[name] for name in kept if name in os.environ}
