"""Verify the audit log: find a changed, removed, inserted or reordered row, and a cut tail."""

import hmac
from dataclasses import dataclass

from certificates import anchor
from certificates.models import Event


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """`problem` is "" when the log is whole; else where it was broken, in words."""

    events: int
    problem: str


def verify_audit() -> AuditVerdict:
    """Read the whole log, oldest first, and compare its end with the anchor outside."""
    before, expected, anchored = "", 1, anchor.read()
    for event in Event.objects.order_by("sequence").iterator(chunk_size=2000):
        if event.sequence != expected:
            return AuditVerdict(expected - 1, _gap(expected, event.sequence - 1))
        if not hmac.compare_digest(event.code, event.expected_code(before)):
            what = f"Event {event.sequence} ({event.action}) or the order of the events"
            return AuditVerdict(expected - 1, f"{what} was changed after it was written.")
        if anchored and event.sequence == anchored.sequence and event.code != anchored.code:
            what = f"Event {event.sequence} is not the one that the anchor file names"
            return AuditVerdict(expected - 1, f"{what}: the log was written anew.")
        before, expected = event.code, expected + 1
    if anchored and expected <= anchored.sequence:
        return AuditVerdict(expected - 1, _gap(expected, anchored.sequence) + " The tail was cut.")
    if not anchored and expected > 1:
        return AuditVerdict(expected - 1, "The anchor file is gone: a cut tail can't be seen.")
    return AuditVerdict(expected - 1, "")


def _gap(first: int, last: int) -> str:
    return (
        f"Event {first} is missing." if first >= last else f"Events {first} to {last} are missing."
    )
