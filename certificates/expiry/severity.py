"""How urgent an expiry is, and how far away, in words."""

from datetime import datetime, timedelta
from enum import StrEnum

from certificates.sentence import say, say_count


class Severity(StrEnum):
    """The most urgent first."""

    EXPIRED = "expired"
    CRITICAL = "critical"
    WARNING = "warning"
    NOTICE = "notice"

    @property
    def heading(self) -> str:
        return _HEADINGS[self]

    def counted(self, count: int) -> str:
        """Such as "3 expired"."""
        return say("{count} {severity}", count=count, severity=_WORDS[self])


CRITICAL, WARNING = timedelta(days=3), timedelta(days=14)
_HEADINGS = {
    Severity.EXPIRED: say("Expired"),
    Severity.CRITICAL: say("Critical: within {days} days", days=CRITICAL.days),
    Severity.WARNING: say("Warning: within {days} days", days=WARNING.days),
    Severity.NOTICE: say("Notice"),
}
_WORDS = {
    Severity.EXPIRED: say("expired"),
    Severity.CRITICAL: say("critical"),
    Severity.WARNING: say("warning"),
    Severity.NOTICE: say("notice"),
}


def severity(not_after: datetime, now: datetime) -> Severity:
    """Of a certificate whose last valid second is `not_after`."""
    left = not_after - now
    if left < timedelta(0):
        return Severity.EXPIRED
    if left <= CRITICAL:
        return Severity.CRITICAL
    return Severity.WARNING if left <= WARNING else Severity.NOTICE


def distance(not_after: datetime, now: datetime) -> str:
    """Such as "in 12 days", "in 5 hours", "3 days ago"."""
    left = not_after - now
    length = abs(left)
    hours = int(length.total_seconds()) // 3600
    is_past = left < timedelta(0)
    if length >= timedelta(days=1):
        days, count = length.days, f"{length.days:,}"
        if is_past:
            return say_count("{count} day ago", "{count} days ago", days, count=count)
        return say_count("in {count} day", "in {count} days", days, count=count)
    if hours:
        if is_past:
            return say_count("{count} hour ago", "{count} hours ago", hours)
        return say_count("in {count} hour", "in {count} hours", hours)
    return say("less than an hour ago") if is_past else say("in less than an hour")


def days_left(not_after: datetime, now: datetime) -> int:
    """Whole days until the expiry; negative afterwards."""
    return int((not_after - now) / timedelta(days=1))
