"""Evaluate: a row for each notice that is due in the present period and is not there yet (MO-4).

One statement a channel and source, inside the database: nothing is read into memory, whatever the
number of certificates. The unique row decides; that several evaluate at once changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import (
    Case,
    CharField,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    QuerySet,
    Value,
    When,
)

from certificates.expiry.periods import Rule
from certificates.expiry.severity import CRITICAL, WARNING, Severity
from certificates.locks import cluster_lock
from certificates.models import Channel, Notification
from certificates.models.period_sql import PeriodStart
from certificates.operations.monitoring.sources import SOURCES, Source

_FIXED = ("source", "source_key", "channel", "period_start", "not_after", "severity", "created_at")
_MANY = 500  # rows at once


def evaluate(channels: Sequence[Channel], rule: Rule, *, now: datetime) -> int:
    """Write down what is due for these channels; how many rows that were."""
    with cluster_lock("monitor-evaluation", patience=0) as is_free:
        if not is_free:  # another one writes the same rows
            return 0
        return sum(
            _insert(missing(source, channel, rule, now=now), source)
            for channel in channels
            for source in SOURCES
        )


def missing(source: Source, channel: Channel, rule: Rule, *, now: datetime) -> QuerySet[Any]:
    """What is due and has no notice in the present period; asked without any lock.

    A period is as long as the frequency: so the present one began within it, also where another
    start time or frequency was in force when the last notice was due.
    """
    told = Notification.objects.filter(
        source=source.name,
        source_key=OuterRef("pk"),
        channel=channel.value,
        period_start__gt=now - rule.frequency,
        period_start__lte=now,
    )
    due = source.told(now + rule.start, now=now).filter(~Exists(told))
    end = F(source.not_after)
    fixed = {
        "source": Value(source.name, CharField()),
        "source_key": F("pk"),
        "channel": Value(channel.value, CharField()),
        "period_start": PeriodStart(source.not_after, rule, now),
        "not_after": end,
        "severity": _severity(source.not_after, now),
        "created_at": Value(now, DateTimeField()),
    }
    columns = {**fixed, **source.described}
    named = {f"as_{name}": expression for name, expression in columns.items()}
    # In no order: one by the key would have SQLite go through the whole table.
    rows: QuerySet[Any] = due.order_by().annotate(**named).values_list(*named)
    return rows


def _severity(column: str, now: datetime) -> Case:
    limits = {Severity.EXPIRED: now, Severity.CRITICAL: now + CRITICAL}
    limits[Severity.WARNING] = now + WARNING
    whens = [
        When(
            **{f"{column}__{'lt' if kind is Severity.EXPIRED else 'lte'}": limit},
            then=Value(kind.value),
        )
        for kind, limit in limits.items()
    ]
    return Case(*whens, default=Value(Severity.NOTICE.value), output_field=CharField())


def _insert(rows: QuerySet[Any], source: Source) -> int:
    if not rows.exists():  # the usual case takes no lock of the database
        return 0
    columns = ", ".join(
        connection.ops.quote_name(Notification._meta.get_field(name).attname)  # type: ignore[union-attr] # columns
        for name in (*_FIXED, *source.described)
    )
    select, values = rows.query.sql_with_params()
    table = connection.ops.quote_name(Notification._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) {select} ON CONFLICT DO NOTHING",
            values,
        )
        written = int(cursor.rowcount)
        if written >= _MANY and connection.vendor == "postgresql":
            # Its planner would go on as if the table were as small as before, for a minute.
            cursor.execute(f"ANALYZE {table}")
        return written


def drop_what_is_over(channels: Sequence[Channel], rule: Rule, *, now: datetime) -> None:
    """Take out unsent notices of what was replaced, deleted, acknowledged or silenced (MO-2).

    Also those of a channel that was switched off, and those of a clock that ran ahead. What was
    never sent leaves no trace, so that the period is told anew when somebody takes it back.
    """
    unsent = Notification.objects.filter(message=None)
    over = [
        unsent.exclude(channel__in=[channel.value for channel in channels]),
        unsent.filter(period_start__gt=now),
    ]
    for source in SOURCES:
        told = source.told(now + rule.start, now=now).filter(pk=OuterRef("source_key"))
        over.append(unsent.filter(source=source.name).exclude(Exists(told)))
    for rows in over:
        if rows.exists():
            rows.delete()
