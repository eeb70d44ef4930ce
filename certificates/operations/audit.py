"""Verify the audit log: find a changed, removed, inserted or reordered row, and a cut tail."""

import hmac
from dataclasses import dataclass

from certificates import anchor
from certificates.anchor import Anchor
from certificates.models import Event
from certificates.models.event import audit_key


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """`problem` is "" when the log is whole; else where it was broken, in words."""

    events: int
    problem: str


def verify_audit() -> AuditVerdict:
    """Read the whole log, oldest first, and compare its end with the anchor outside."""
    try:
        anchored = anchor.read()
    except (OSError, ValueError):
        return AuditVerdict(0, "The anchor file can't be read: a cut tail can't be seen.")
    before, whole, key = "", 0, audit_key()
    for event in Event.objects.order_by("sequence").iterator(chunk_size=2000):
        problem = _problem(event, whole, before, key, anchored)
        if problem:
            return AuditVerdict(whole, problem)
        before, whole = event.code, event.sequence
    if anchored and whole < anchored.sequence:
        return AuditVerdict(whole, f"{_gap(whole + 1, anchored.sequence)} The tail was cut.")
    if whole and not anchored:
        return AuditVerdict(whole, "The anchor file is gone: a cut tail can't be seen.")
    return AuditVerdict(whole, "")


def _problem(event: Event, whole: int, before: str, key: bytes, anchored: Anchor | None) -> str:
    """What is wrong with the event that follows the `whole` ones; "" for nothing."""
    if event.sequence != whole + 1:
        return _gap(whole + 1, event.sequence - 1)
    if not hmac.compare_digest(event.code, event.expected_code(before, key)):
        what = f"Event {event.sequence} ({event.action}) or the order of the events"
        return f"{what} was changed after it was written."
    if anchored and event.sequence == anchored.sequence and event.code != anchored.code:
        what = f"Event {event.sequence} is not the one that the anchor file names"
        return f"{what}: the log was written anew."
    return ""


def _gap(first: int, last: int) -> str:
    return (
        f"Event {first} is missing." if first >= last else f"Events {first} to {last} are missing."
    )
