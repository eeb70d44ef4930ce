"""When a certificate's warning is due, and in which period a moment lies (MO-2).

All in UTC, in whole seconds; a day is 24 hours, whatever a zone's clock does meanwhile.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from certificates.refusal import Refused
from certificates.sentence import say

START_DAYS = range(1, 3651)  # ten years: longer than any certificate that is made here


class Unit(StrEnum):
    """In what the frequency is counted."""

    HOURS = "hours"
    DAYS = "days"

    @property
    def label(self) -> str:
        return say("hours") if self is Unit.HOURS else say("days")

    @property
    def length(self) -> timedelta:
        return timedelta(hours=1) if self is Unit.HOURS else timedelta(days=1)

    @property
    def allowed(self) -> range:
        """From an hour to a year."""
        return range(1, 8761) if self is Unit.HOURS else range(1, 366)


@dataclass(frozen=True, slots=True)
class Rule:
    """The first notice comes `start` before the expiry, then one in each `frequency`, for good."""

    start: timedelta
    frequency: timedelta

    def period_start(self, not_after: datetime, now: datetime) -> datetime | None:
        """When the period that contains `now` began; None before the first one."""
        first = int(not_after.timestamp() - self.start.total_seconds())
        passed = int(now.timestamp()) - first
        if passed < 0:
            return None
        every = int(self.frequency.total_seconds())
        return datetime.fromtimestamp(first + passed // every * every, UTC)


def rule_of(start_days: int, frequency: int, unit: str) -> Rule:
    """The rule of the page's first two fields.

    Raises:
        Refused: monitor.start, monitor.frequency, monitor.unit.
    """
    if start_days not in START_DAYS:
        wrong = say(
            "A notice can't start {start_days} days before the expiry.", start_days=start_days
        )
        cure = say(
            "Choose {least} to {most} days.", least=START_DAYS[0], most=f"{START_DAYS[-1]:,}"
        )
        raise Refused("monitor.start", wrong, cure)
    if unit not in list(Unit):
        wrong = say("{unit} is no unit of the frequency.", unit=repr(unit))
        raise Refused("monitor.unit", wrong, say("Choose hours or days."))
    allowed = Unit(unit).allowed
    if frequency not in allowed:
        wrong = say(
            "A notice can't come each {frequency} {unit}.",
            frequency=frequency,
            unit=Unit(unit).label,
        )
        raise Refused(
            "monitor.frequency",
            wrong,
            say(
                "Choose {least} to {most} {unit}.",
                least=allowed[0],
                most=f"{allowed[-1]:,}",
                unit=Unit(unit).label,
            ),
        )
    return Rule(timedelta(days=start_days), frequency * Unit(unit).length)
