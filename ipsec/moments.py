"""Moments and how far away they are, in words."""

from datetime import datetime, timedelta

from certificates.cells import local


def clock(moment: datetime, now: datetime) -> str:
    """A time of today without its date."""
    here = local(moment)
    return f"{here:%H:%M:%S}" if here.date() == local(now).date() else f"{here:%Y-%m-%d %H:%M}"


def distance(moment: datetime, now: datetime) -> str:
    """Such as "in 12 minutes", or "3 hours ago"."""
    away = moment - now
    return f"in {span(away)}" if away > timedelta(0) else f"{span(-away)} ago"


def span(length: timedelta) -> str:
    """A length of time by its largest unit; two of them below an hour and a half."""
    seconds = int(length.total_seconds())
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= unit + unit // 2:
            count = round(seconds / unit)
            return f"{count:,} {name}{'s' if count != 1 else ''}"
    return "a minute" if seconds >= 60 else f"{seconds} s"  # noqa: PLR2004 - one minute
