"""What the IKE daemon logs, gathered by negotiation, until a line tells that one has failed."""

import re
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ipsec.associations import text_of
from ipsec.policy.terms import OURS

LINES = 80  # of one negotiation, the last ones
NEGOTIATIONS = 500  # at once; the oldest is forgotten
NOT_SENT = "error writing to socket"
# A line after which nothing more comes of a negotiation; why is in the lines before it.
_ENDS = re.compile(
    rf"{NOT_SENT}|giving up after \d+ retransmits"
    r"|received \S+ (error )?notify"
    r"|failed to establish CHILD_SA"
    r"|no CHILD_SA built"
    r"|unable to install inbound and outbound IPsec SA"
    r"|no matching (proposal|peer config|shared key)"
    r"|no (acceptable|matching) (proposal|traffic selectors|CHILD_SA config|peer config)"
    r"|MAC mismatched|authentication of .* failed"
    r"|no trusted .* public key found|no private key found|no shared key found"
    r"|no IKE config found|unable to resolve .* initiate aborted"
    r"|could not decrypt payloads|message parsing failed"
)
# A line with which a new try begins.
_BEGINS = re.compile(r"initiating |establishing |parsed \S+ request|retransmit 1 of")
# What stays true for the next try over the same IKE SA; all else was said of the one that failed.
_STAYS = re.compile(r"selected proposal: IKE|IKE_SA \S+ established between")
_ROUTE = re.compile(r"(sending|received) packet: from (\S+?)\[\d+\] to (\S+?)\[\d+\]")
_CHILD = re.compile(r"CHILD_SA '?([\w-]+/[\w-]+@[0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Failure:
    """A negotiation that has failed.

    Args:
        connection: its name in the daemon; "" where none had been chosen yet.
        child: whose it was, where the lines tell.
        hosts: our address and the peer's, ("", "") where no packet went.
    """

    connection: str
    child: str
    hosts: tuple[str, str]
    lines: tuple[str, ...]


@dataclass(slots=True)
class _Transcript:
    connection: str = ""
    child: str = ""
    hosts: tuple[str, str] = ("", "")
    is_told: bool = False  # several lines may tell of one failure
    lines: "deque[str]" = field(default_factory=lambda: deque(maxlen=LINES))

    def forget_the_failed(self) -> None:
        """The reason of one policy's failure would else be told of the next policy's, too."""
        kept = [line for line in self.lines if _STAYS.search(line)]
        self.lines.clear()
        self.lines.extend(kept)


class Transcripts:
    """Give it each `log` event; it gives back the failure that the event tells of."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Transcript] = OrderedDict()
        self._sender = ""

    def add(self, message: Mapping[str, Any]) -> Failure | None:
        line = text_of(message.get("msg", b""))
        number = text_of(message.get("ikesa-uniqueid", b""))
        if not number and line.startswith(NOT_SENT):
            number = self._sender  # the daemon does not say whose packet it was
        if not number:
            return None
        one = self._open.setdefault(number, _Transcript())
        self._open.move_to_end(number)
        if len(self._open) > NEGOTIATIONS:
            self._open.popitem(last=False)
        if line.startswith("sending packet"):
            self._sender = number
        name = text_of(message.get("ikesa-name", b""))
        if name.startswith(OURS):
            one.connection = name
        elif name and name != "(unnamed)":
            return None  # another's
        self._note(one, line)
        if one.is_told or not _ENDS.search(line):
            return None
        one.is_told = True
        failure = Failure(one.connection, one.child, one.hosts, tuple(one.lines))
        return failure if one.connection or one.hosts[0] else None

    def _note(self, one: _Transcript, line: str) -> None:
        if _BEGINS.match(line):
            if one.is_told and not line.startswith("retransmit"):
                one.forget_the_failed()
            one.is_told = False
        one.lines.append(line)
        if route := _ROUTE.search(line):
            ours, theirs = route[2], route[3]
            one.hosts = (ours, theirs) if route[1] == "sending" else (theirs, ours)
        if child := _CHILD.search(line):
            one.child = child[1]
