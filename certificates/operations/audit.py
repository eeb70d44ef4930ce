"""Verify the audit log: find a changed, removed, inserted or reordered row, and a cut tail."""

import hmac
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import DatabaseError

from certificates import anchor
from certificates.anchor import Anchor
from certificates.models import Event
from certificates.models.event import audit_key
from certificates.sentence import say, together

A_PAGE = 2000  # rows that are read at once: the log may have millions
ANCHOR_PATIENCE = 2.0  # seconds in which a change that is being made moves the anchor
# What a value raises that a database holds and no event ever had.
UNREADABLE = (ValueError, TypeError, AttributeError, OverflowError, DatabaseError)


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """`problem` is "" when the log is whole; else where it was broken, in words."""

    events: int
    problem: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row with a value that is none of its column's kind."""

    sequence: int


@dataclass(slots=True)
class Chain:
    """Events as they are read, oldest first: each is held against the one before.

    Args:
        before: the code of the event before the first one.
        whole: its number; that of the last one that was as it should be.
    """

    before: str = ""
    whole: int = 0
    anchored: Anchor | None = None
    key: bytes = field(default_factory=audit_key, repr=False)

    def problem(self, event: Event | Unreadable) -> str:
        """What is wrong with the next event; "" for nothing, and it is a link of the chain then."""
        found = self._problem(event)
        if not found and isinstance(event, Event):
            self.before, self.whole = event.code, event.sequence
        return found

    def _problem(self, event: Event | Unreadable) -> str:
        if event.sequence <= self.whole:
            return say(
                "Event {sequence} is in a place where no event belongs.", sequence=event.sequence
            )
        if event.sequence != self.whole + 1:
            return _gap(self.whole + 1, event.sequence - 1)
        if isinstance(event, Unreadable):
            return say(
                "Event {sequence} can't be read: it was changed after it was written.",
                sequence=event.sequence,
            )
        if not _is_as_written(event, self.before, self.key):
            return say(
                "Event {sequence} ({action}) or the order of the events was changed after it "
                "was written.",
                sequence=event.sequence,
                action=event.action,
            )
        anchored = self.anchored
        if anchored and event.sequence == anchored.sequence and event.code != anchored.code:
            return say(
                "Event {sequence} is not the one that the anchor file names: the log was "
                "written anew.",
                sequence=event.sequence,
            )
        return ""


def verify_audit() -> AuditVerdict:
    """Read the whole log, oldest first, and compare its end with the anchor outside."""
    try:
        anchored = anchor.read()
        newest = Event.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
        chain = Chain(anchored=anchored)
        for event in read_log():
            if problem := chain.problem(event):
                return AuditVerdict(chain.whole, problem)
        return AuditVerdict(chain.whole, _end(chain.whole, anchored, newest))
    except (OSError, ValueError):
        return AuditVerdict(0, say("The anchor file can't be read: a cut tail can't be seen."))


def read_log(first: int = 0, last: int | None = None) -> Iterator[Event | Unreadable]:
    """The events from `first` to `last`, or all, in their order; a page of them in memory.

    What is written meanwhile comes, too. No transaction is held from one page to the next.
    """
    seen = first - 1
    while True:
        page = Event.objects.filter(sequence__gt=seen).order_by("sequence")
        page = page if last is None else page.filter(sequence__lte=last)
        try:
            rows: list[Event | Unreadable] = list(page[:A_PAGE])
        except UNREADABLE:
            numbers = list(page.values_list("sequence", flat=True)[:A_PAGE])
            rows = [_one(number) for number in numbers]
        yield from rows
        if len(rows) < A_PAGE:
            return
        seen = rows[-1].sequence


def _one(sequence: int) -> Event | Unreadable:
    try:
        return Event.objects.get(sequence=sequence)
    except UNREADABLE:
        return Unreadable(sequence)


def _is_as_written(event: Event, before: str, key: bytes) -> bool:
    try:
        expected = event.expected_code(before, key).encode()
        return hmac.compare_digest(event.code.encode(), expected)
    except UNREADABLE:
        return False


def _end(whole: int, anchored: Anchor | None, newest: int) -> str:
    """What is wrong with the end of the log, all of which is as it was written.

    Args:
        newest: the last event when the reading began: its change was done by then.
    """
    if anchored and whole < anchored.sequence:
        cut = say("The tail was cut, or the anchor file was changed.")
        return together(_gap(whole + 1, anchored.sequence), cut)
    if whole and not anchored:
        return say("The anchor file is gone: a cut tail can't be seen.")
    deadline = time.monotonic() + ANCHOR_PATIENCE
    while anchored and anchored.sequence < newest:
        if time.monotonic() > deadline:
            return say(
                "The anchor file names event {sequence}, and the log goes on to event {newest}: "
                "it was put back, or could not be written.",
                sequence=anchored.sequence,
                newest=newest,
            )
        time.sleep(0.05)
        anchored = anchor.read()
    return ""


def _gap(first: int, last: int) -> str:
    if first >= last:
        return say("Event {first} is missing.", first=first)
    return say("Events {first} to {last} are missing.", first=first, last=last)
