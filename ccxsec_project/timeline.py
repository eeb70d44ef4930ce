"""The expirations of the coming 12 months as columns of a picture, and as rows of a table.

Drawn on the server as SVG: what stands beside each other is placed in per cent, so that the
picture is as wide as the page, and its text stays as large as that of the page. No more than
`MOST` certificates are counted for a column, each by the index of the expirations alone.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.timezone import get_current_timezone, localtime

from certificates.conditions import Operator
from certificates.models import Certificate
from certificates.sentence import say, say_as, say_count, together

MONTHS = 12
MOST = 10_000
FOOT, HEIGHT = 150, 118  # pixels: from the top to the foot of the bars; of the tallest one
LEAST = 5  # pixels of a part that would be too low to be seen
THOUSAND = 1_000

# Months, as a whole and where there is little room.
NAMES = (
    say_as("long", "January"),
    say_as("long", "February"),
    say_as("long", "March"),
    say_as("long", "April"),
    say_as("long", "May"),
    say_as("long", "June"),
    say_as("long", "July"),
    say_as("long", "August"),
    say_as("long", "September"),
    say_as("long", "October"),
    say_as("long", "November"),
    say_as("long", "December"),
)
SHORT = (
    say_as("short", "Jan"),
    say_as("short", "Feb"),
    say_as("short", "Mar"),
    say_as("short", "Apr"),
    say_as("short", "May"),
    say_as("short", "Jun"),
    say_as("short", "Jul"),
    say_as("short", "Aug"),
    say_as("short", "Sep"),
    say_as("short", "Oct"),
    say_as("short", "Nov"),
    say_as("short", "Dec"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: its CSS class, and its place in pixels from the top."""

    kind: str
    top: int
    height: int


@dataclass(frozen=True, slots=True)
class Column:
    """What expires in one month, or has expired already: then `begin` is None.

    `end` is the first moment after it, `is_more` says that there are more than were counted.
    """

    place: int  # from the left, from 0
    begin: datetime | None
    end: datetime
    own: int
    trust: int
    is_more: bool
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        return _month_and_year(localtime(self.begin)) if self.begin else say("Expired")

    @property
    def label(self) -> str:
        """Short enough for a small screen."""
        return SHORT[localtime(self.begin).month - 1] if self.begin else say("Past")

    @property
    def year(self) -> str:
        """Below the first month, and below each January."""
        is_first = self.begin and (self.place == 1 or localtime(self.begin).month == 1)
        return f"{localtime(self.begin):%Y}" if is_first else ""

    @property
    def total(self) -> int:
        return self.own + self.trust

    @property
    def in_words(self) -> str:
        if self.is_more:
            return say("more than {count} certificates", count=f"{MOST:,}")
        return say_count(
            "{count} certificate, {own} own",
            "{count} certificates, {own} own",
            self.total,
            count=f"{self.total:,}",
            own=f"{self.own:,}",
        )

    @property
    def number(self) -> str:
        """Short enough to stand above a bar on a small screen."""
        if self.is_more:
            return f">{MOST // THOUSAND}k"
        total = self.total
        return f"{total / THOUSAND:.1f}k" if total >= THOUSAND else str(total)

    @property
    def number_at(self) -> int:
        """Pixels from the top to the foot of the number."""
        return min((part.top for part in self.parts), default=FOOT) - 7

    @property
    def left(self) -> str:
        return _per_cent(self.place)

    @property
    def bar_left(self) -> str:
        return _per_cent(self.place + 0.2)

    @property
    def middle(self) -> str:
        return _per_cent(self.place + 0.5)

    @property
    def address(self) -> str:
        """The Certificate List with exactly these; "" where there are none."""
        listing = reverse("admin:certificates_certificate_changelist")
        if not self.total:
            return ""
        if self.begin is None:
            return f"{listing}?expiry=expired"
        before = localtime(self.begin - timedelta(seconds=1))
        form = "%Y-%m-%d %H:%M:%S" if self.place == 1 else "%Y-%m-%d"  # the first begins now
        rows = {
            Operator.AFTER: before.strftime(form),
            Operator.BEFORE: f"{localtime(self.end):%Y-%m-%d}",
        }
        parts = [
            pair
            for operator, value in rows.items()
            for pair in (("field", "expiration"), ("op", operator.value), ("value", value))
        ]
        return f"{listing}?{urlencode(parts)}"


@dataclass(frozen=True, slots=True)
class Timeline:
    """The columns from the left, what has expired first; and the same in one sentence."""

    columns: tuple[Column, ...]
    width: str = f"{100 / (MONTHS + 1):.3f}%"
    bar_width: str = f"{60 / (MONTHS + 1):.3f}%"
    foot: int = FOOT

    @property
    def sentence(self) -> str:
        expired, *months = self.columns
        highest = max(months, key=lambda column: column.total)
        gone, until = _expired(expired), localtime(months[-1].end - timedelta(seconds=1))
        day = say("{day} {month}", day=until.day, month=_month_and_year(until))
        if not highest.total:
            return together(gone, say("None expires until {day}.", day=day))
        peak = {"day": day, "most": _counted(highest), "month": highest.name}
        total = sum(column.total for column in months)
        if any(column.is_more for column in months):
            comes = say(
                "More than {count} expire until {day}; the most, {most}, in {month}.",
                count=f"{total:,}",
                **peak,
            )
        else:
            comes = say_count(
                "{count} expires until {day}; the most, {most}, in {month}.",
                "{count} expire until {day}; the most, {most}, in {month}.",
                total,
                count=f"{total:,}",
                **peak,
            )
        return together(gone, comes)


def timeline(now: datetime) -> Timeline:
    """Certificates in force by the month of their expiration, in the operator's zone."""
    now = now.replace(microsecond=0)
    return Timeline(tuple(_columns([now, *_month_ends(now)])))


def _columns(ends: list[datetime]) -> Iterator[Column]:
    begins = [None, *ends[:-1]]
    totals = [_count(begin, end) for begin, end in zip(begins, ends, strict=True)]
    own_ones, tallest = _own(ends), min(MOST, max(1, *totals))
    for place, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        own, is_more = own_ones[place], totals[place] > MOST
        trust = max(0, min(MOST, totals[place]) - own)
        parts = _parts(own, trust, tallest, is_expired=begin is None)
        yield Column(place, begin, end, own=own, trust=trust, is_more=is_more, parts=parts)


def _month_ends(now: datetime) -> Iterator[datetime]:
    """In UTC: the first moments of the following months where the operator is."""
    today = localtime(now)
    for number in range(today.month, today.month + MONTHS):
        first = date(today.year + number // 12, number % 12 + 1, 1)
        midnight = datetime(first.year, first.month, 1, tzinfo=get_current_timezone())
        yield midnight.astimezone(UTC)


def _count(begin: datetime | None, end: datetime) -> int:
    """One more than `MOST` where there are more."""
    rows = Certificate.objects.active().filter(not_after__lt=end)
    if begin:
        rows = rows.filter(not_after__gte=begin)
    return rows.order_by().values("pk")[: MOST + 1].count()


def _own(ends: list[datetime]) -> Counter[int]:
    """How many own certificates are in each column: they are few, a handful for a node."""
    rows = Certificate.objects.active().own().order_by()
    found = rows.values_list("not_after", flat=True)[:MOST]
    return Counter(bisect_right(ends, moment) for moment in found if moment)


def _parts(own: int, trust: int, tallest: int, *, is_expired: bool) -> tuple[Part, ...]:
    """From the foot upwards."""
    parts, top = [], FOOT
    for kind, count in (("own", own), ("trust", trust)):
        if count:
            height = max(LEAST, HEIGHT * count // tallest)
            top -= height
            parts.append(Part(f"{kind} expired" if is_expired else kind, top, height))
    return tuple(parts)


def _per_cent(place: float) -> str:
    return f"{100 * place / (MONTHS + 1):.3f}%"


def _counted(column: Column) -> str:
    if column.is_more:
        return say("more than {count}", count=f"{MOST:,}")
    return f"{column.total:,}" if column.total else say("none")


def _expired(column: Column) -> str:
    if column.is_more:
        return say("More than {count} have expired.", count=f"{MOST:,}")
    if not column.total:
        return say("None has expired.")
    return say_count(
        "{count} has expired.", "{count} have expired.", column.total, count=f"{column.total:,}"
    )


def _month_and_year(moment: datetime) -> str:
    return say("{month} {year}", month=NAMES[moment.month - 1], year=moment.year)
