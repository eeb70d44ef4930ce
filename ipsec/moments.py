"""Moments and how far away they are, in words."""

from datetime import datetime, timedelta

from certificates.cells import local
from certificates.sentence import say, say_count

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400  # seconds


def clock(moment: datetime, now: datetime) -> str:
    """A time of today without its date."""
    here = local(moment)
    return f"{here:%H:%M:%S}" if here.date() == local(now).date() else f"{here:%Y-%m-%d %H:%M}"


def distance(moment: datetime, now: datetime) -> str:
    """Such as "in 12 minutes", or "3 hours ago"."""
    away = moment - now
    if away > timedelta(0):
        return say("in {span}", span=span(away))
    return say("{span} ago", span=span(-away))


def span(length: timedelta) -> str:
    """A length of time by its largest unit; two of them below an hour and a half."""
    seconds = int(length.total_seconds())
    minutes, hours, days = (round(seconds / unit) for unit in (_MINUTE, _HOUR, _DAY))
    if seconds >= _DAY * 1.5:
        return say_count("{count} day", "{count} days", days, count=f"{days:,}")
    if seconds >= _HOUR * 1.5:
        return say_count("{count} hour", "{count} hours", hours)
    if seconds >= _MINUTE * 1.5:
        return say_count("{count} minute", "{count} minutes", minutes)
    return say("a minute") if seconds >= _MINUTE else say("{seconds} s", seconds=seconds)
