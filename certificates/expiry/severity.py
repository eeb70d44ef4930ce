"""How urgent an expiry is, and how far away, in words."""

from datetime import datetime, timedelta
from enum import StrEnum


class Severity(StrEnum):
    """The most urgent first."""

    EXPIRED = "expired"
    CRITICAL = "critical"
    WARNING = "warning"
    NOTICE = "notice"

    @property
    def heading(self) -> str:
        limit = {Severity.CRITICAL: CRITICAL, Severity.WARNING: WARNING}.get(self)
        return f"{self.capitalize()}: within {limit.days} days" if limit else self.capitalize()


CRITICAL, WARNING = timedelta(days=3), timedelta(days=14)


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
    if length >= timedelta(days=1):
        span = f"{length.days:,} day{'s' if length.days != 1 else ''}"
    else:
        span = f"{hours} hour{'s' if hours != 1 else ''}" if hours else "less than an hour"
    return f"{span} ago" if left < timedelta(0) else f"in {span}"


def days_left(not_after: datetime, now: datetime) -> int:
    """Whole days until the expiry; negative afterwards."""
    return int((not_after - now) / timedelta(days=1))
