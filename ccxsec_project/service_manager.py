"""What the service manager is told: that we serve, and that we are alive (sd_notify(3)).

Only where it asks for it, by `NOTIFY_SOCKET` and `WATCHDOG_USEC`; elsewhere nothing happens.
"""

import contextlib
import math
import os
import socket
import time

_MICROSECONDS = 1_000_000


class ServiceManager:
    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        self._told = 0.0
        limit = os.environ.get("WATCHDOG_USEC", "")
        # Twice as often as it is asked for, as sd_watchdog_enabled(3) advises.
        self._every = int(limit) / _MICROSECONDS / 2 if limit.isdecimal() else math.inf

    def is_ready(self) -> None:
        """A unit of the type `notify` counts as started now."""
        self._tell("READY=1")

    def is_alive(self) -> None:
        """From the loop that looks after the children: while it turns, they are looked after."""
        if time.monotonic() - self._told > self._every:
            self._told = time.monotonic()
            self._tell("WATCHDOG=1")

    def is_stopping(self) -> None:
        self._tell("STOPPING=1")

    def _tell(self, word: str) -> None:
        if not self._address:
            return
        address = self._address.replace("@", "\0", 1)  # an abstract socket begins with a null
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
            wire.connect(address)
            wire.send(word.encode())
