"""How dates, keys and names look in lists and pages."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from certificates.sentence import Sentence, say, say_count

UNKNOWN = "—"
_BREAKS, _BREAK = re.compile(r"(?<=[._-])"), "<wbr>"  # no entity of HTML has any of these


def local(moment: datetime) -> datetime:
    """`moment` in the operator's zone; as it is where that zone's calendar has ended already.

    "No well-defined expiration date" is the last second of the year 9999 (RFC 5280, 4.1.2.5).
    """
    try:
        return timezone.localtime(moment)
    except OverflowError:
        return moment


def at(moment: datetime | None) -> str:
    """Such as "2026-05-03 09:12 CEST", in the operator's zone; "" for none."""
    return f"{local(moment):%Y-%m-%d %H:%M %Z}" if moment else ""


@dataclass(frozen=True, slots=True)
class Expiry:
    """`urgency` is a CSS class, `word` says the same to who can't see colours."""

    date: str
    distance: str
    urgency: str
    word: str

    def as_cell(self) -> SafeString:
        return format_html(
            '<span class="nowrap">{}</span> <span class="badge {}">{}</span>'
            '<small class="quiet">{}</small>',
            self.date,
            self.urgency,
            self.word,
            self.distance,
        )


def expiry(not_after: datetime | None, now: datetime) -> Expiry:
    """Date in the operator's zone, and how far away it is."""
    if not_after is None:
        return Expiry(UNKNOWN, say("can't be read"), "critical", say("Unknown"))
    left = not_after - now
    date = f"{local(not_after):%Y-%m-%d}"
    if left < timedelta(0):
        return Expiry(date, say("{span} ago", span=_span(-left)), "critical", say("Expired"))
    urgency, word = "valid", say("Valid")
    if left < timedelta(days=7):
        urgency, word = "critical", say("Critical")
    elif left < timedelta(days=30):
        urgency, word = "soon", say("Soon")
    return Expiry(date, say("in {span}", span=_span(left)), urgency, word)


def changes_at(not_after: datetime | None, now: datetime) -> datetime:
    """The first moment at which `expiry` may say something else than now; the end of all days.

    Everything in it changes on a full hour of what is left or over, as days are 24 of them.
    """
    if not_after is None:
        return datetime.max.replace(tzinfo=UTC)
    left = not_after - now
    unit = timedelta(days=1) if abs(left) >= timedelta(days=1) else timedelta(hours=1)
    # Down to a full unit where time is left; up to the next one where it is over.
    return now + (left % unit)


def _span(length: timedelta) -> str:
    days = length.days
    if days >= 1:
        return say_count("{count} day", "{count} days", days, count=f"{days:,}")
    hours = length.seconds // 3600
    return say_count("{count} hour", "{count} hours", hours) if hours else say("less than an hour")


def badge(label: str, kind: str) -> SafeString:
    """A word on a coloured ground; `kind` is a CSS class: valid, soon, critical or plain."""
    return format_html('<span class="badge {}">{}</span>', kind, label)


def breaking(text: str) -> SafeString:
    """`text` that a narrow column breaks behind a dot, an underscore or a hyphen."""
    return SafeString(f"{_BREAKS.sub(_BREAK, escape(text))}<wbr>")  # nosec B703 - it is escaped


def recorded(text: str) -> SafeString | str:
    """What was written down once, in English whoever reads it; a sentence is in any language."""
    if not text or isinstance(text, Sentence):
        return text
    return format_html('<span lang="en">{}</span>', text)


def with_legacy(text: str, *, is_legacy: bool) -> SafeString | str:
    """`text`, marked where it is weak."""
    if not is_legacy:
        return text
    return format_html('{} <span class="badge legacy">{}</span>', text, say("Legacy"))
