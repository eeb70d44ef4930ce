"""Lines to the system's log, or to a log server over UDP."""

import contextlib
import logging
import socket
import sys
from collections.abc import Iterable, Iterator
from logging.handlers import SysLogHandler

from certificates.outgoing import anywhere
from certificates.refusal import Refused
from certificates.sentence import say

LOCAL = "/dev/log"


class _Handler(SysLogHandler):
    """Remembers what went wrong, where Python's own one prints it."""

    problem = ""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        self.problem = str(sys.exc_info()[1])


def send(lines: Iterable[tuple[str, int]], address: str) -> str:
    """Write each line, with its level of `logging`; what went wrong, "" for nothing.

    Args:
        address: a socket of this machine (`/dev/log`), or host:port; "" for none: they are read
            all the same, as reading writes them to the product's own log (`lines_of`).
    """
    lines = list(lines)  # whether or not anybody listens there
    if not address:
        return ""
    try:
        with contextlib.closing(_handler(address)) as handler:
            handler.ident = "ccxsec: "
            for line, level in lines:
                handler.emit(logging.LogRecord("ccxsec", level, "", 0, line, None, None))
            return handler.problem
    except (OSError, UnicodeError) as error:
        return f"{address}: {getattr(error, 'strerror', None) or error}"


def _handler(address: str) -> _Handler:
    host, _, port = address.rpartition(":")
    where: str | tuple[str, int] = address
    if not address.startswith("/"):
        place = anywhere().judged(host.strip("[]"), int(port))
        where = (place.addresses[0], place.port)
    handler = _Handler(where, SysLogHandler.LOG_LOCAL0, socket.SOCK_DGRAM)
    handler.append_nul = False
    return handler


def checked_address(text: str) -> str:
    """Raises `Refused` syslog.address."""
    host, colon, port = text.rpartition(":")
    good = text.startswith("/") or (
        bool(colon and host) and port.isdecimal() and 1 <= int(port) <= 65535  # noqa: PLR2004
    )
    if not good:
        wrong = say("{text} is no address of a log server.", text=repr(text))
        raise Refused("syslog.address", wrong, say("Write /dev/log, or host:port."))
    return text


def lines_of(pairs: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Each line also to the product's own log."""
    logger = logging.getLogger("certificates.expiry")
    for line, level in pairs:
        logger.log(level, "%s", line)
        yield line, level
