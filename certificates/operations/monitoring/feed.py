"""The calendar feed: expirations for who knows its secret address."""

import hmac
from datetime import datetime, timedelta
from itertools import islice

from certificates.expiry.calendar import calendar_of
from certificates.expiry.digest import Found
from certificates.models import MonitorSettings
from certificates.operations.monitoring.compose import base_address, host_name
from certificates.operations.monitoring.configure import digest_of_token
from certificates.operations.monitoring.sources import SOURCES

PAST, AHEAD = timedelta(days=30), timedelta(days=800)
MOST = 1000  # events; the next ones to come


def calendar_feed(token: str, *, now: datetime) -> bytes | None:
    """None: this is not the secret, or the feed is off."""
    row = MonitorSettings.objects.current()
    given = digest_of_token(token)
    if not row.calendar_digest or not hmac.compare_digest(given, row.calendar_digest):
        return None
    found = sorted(_found(now), key=lambda one: one.not_after)
    return calendar_of(islice(found, MOST), at=now, start=row.rule.start, host=host_name())


def _found(now: datetime) -> list[Found]:
    base, found = base_address(), []
    for source in SOURCES:
        column = source.not_after
        rows = source.due(now + AHEAD).filter(**{f"{column}__gte": now - PAST})
        rows = rows.exclude(source.is_silenced()).order_by(column)
        named = {f"as_{name}": expression for name, expression in source.described.items()}
        for row in rows.annotate(**named).values("pk", column, *named)[:MOST]:
            values = {name: row[f"as_{name}"] for name in source.described}
            link = f"{base}{source.page(row['pk'])}"
            found.append(Found(not_after=row[column], link=link, **values))
    return found
