"""The arithmetic of periods in SQL, so that a sweep over a million rows stays in the database.

The same as `Rule.period_start`, which a test holds it to.
"""

from datetime import datetime
from typing import Any

from django.db.models import DateTimeField, Func

from certificates.expiry.periods import Rule


class PeriodStart(Func):
    """When the period that contains `now` began, of a column with the expiry that is due."""

    output_field = DateTimeField()

    def __init__(self, not_after: str, rule: Rule, now: datetime) -> None:
        super().__init__(not_after)
        self.numbers = {
            "start": int(rule.start.total_seconds()),
            "every": int(rule.frequency.total_seconds()),
            "now": int(now.timestamp()),
        }

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> Any:
        first = "(EXTRACT(EPOCH FROM %(expressions)s) - %(start)d)"
        return self._as(first, "to_timestamp({0} + floor(({1} - {0}) / {2}) * {2})", compiler)

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:
        first = "(CAST(strftime('%%%%s', %(expressions)s) AS INTEGER) - %(start)d)"
        return self._as(first, "datetime({0} + (({1} - {0}) / {2}) * {2}, 'unixepoch')", compiler)

    def _as(self, first: str, period: str, compiler: Any) -> Any:
        template = period.format(first, "%(now)d", "%(every)d")
        numbers: dict[str, Any] = self.numbers
        return super().as_sql(compiler, compiler.connection, template=template, **numbers)
