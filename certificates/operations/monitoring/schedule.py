"""The row by which the worker's own schedule asks for the monitor; made anew where it is missing.

Whether it runs once, twice or late decides nothing: the rows of the notices do (MO-4).
"""

from datetime import datetime

from django_q.models import Schedule

from certificates.queue_guard import SCHEDULES


def keep_schedules(*, now: datetime) -> list[str]:
    """Make what is missing; its names. What was changed or planted the guard takes out."""
    made = []
    for name, (function, minutes) in SCHEDULES.items():
        rows = Schedule.objects.filter(name=name, func=function)
        if rows.exists():
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
