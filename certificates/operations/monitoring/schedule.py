"""The row by which the worker's own schedule asks for the monitor; made anew where it is missing.

Whether it runs once, twice or late decides nothing: the rows of the notices do (MO-4).
"""

from datetime import datetime, timedelta

from django.db.models import Q
from django_q.models import Schedule

from certificates.queue_guard import SCHEDULES


def keep_schedules(*, now: datetime) -> list[str]:
    """Make what is missing; its names. What was changed or planted the guard takes out.

    A next run that lies too far ahead is one of a clock that was set back.
    """
    made = []
    for name, (function, minutes) in SCHEDULES.items():
        rows = Schedule.objects.filter(
            name=name,
            func=function,
            hook=None,
            schedule_type=Schedule.MINUTES,
            minutes=minutes,
            repeats=-1,
        )
        if rows.exists():
            limit = now + timedelta(minutes=2 * minutes)
            rows.filter(Q(next_run=None) | Q(next_run__gt=limit)).update(next_run=now)
            continue
        Schedule.objects.create(
            name=name,
            func=function,
            schedule_type=Schedule.MINUTES,
            minutes=minutes,
            repeats=-1,
            next_run=now,
        )
        made.append(name)
    return made
