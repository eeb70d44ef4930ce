"""Expirations as an iCalendar object (RFC 5545), for the calendar of an operator."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from certificates.expiry.digest import Found, what_to_do
from certificates.x509.visible import visible

_FOLD = 75  # octets of a line, its end left out (RFC 5545, 3.1)


def calendar_of(findings: Iterable[Found], *, at: datetime, start: timedelta, host: str) -> bytes:
    """An event at each expiry, with an alarm at the notification start and one three days before.

    Args:
        at: when it is asked for.
        host: the part of an event's identifier behind its @.
    """
    return "".join(map(_folded, _lines(findings, at, start, host))).encode()


def _lines(findings: Iterable[Found], at: datetime, start: timedelta, host: str) -> Iterator[str]:
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//ccxsec//Certificate Monitor//EN")
    yield from ("METHOD:PUBLISH", "X-WR-CALNAME:Certificate expirations")
    for found in findings:
        summary = f"{found.file_name} on {found.node} expires"
        about = f"{found.unit} ({found.type}), {found.common_name}. {what_to_do(found)}"
        yield "BEGIN:VEVENT"
        yield f"UID:{_text(f'{found.fingerprint}-{found.unit}-{found.node}')}@{_text(host)}"
        yield f"DTSTAMP:{_utc(at)}"
        yield f"DTSTART:{_utc(found.not_after)}"
        yield "DURATION:PT15M"
        yield "TRANSP:TRANSPARENT"
        yield f"SUMMARY:{_text(summary)}"
        yield f"DESCRIPTION:{_text(about)}"
        if found.link:
            yield f"URL:{found.link}"
        for before in sorted({start.days, 3}, reverse=True):
            yield from ("BEGIN:VALARM", "ACTION:DISPLAY", f"TRIGGER:-P{before}D")
            yield from (f"DESCRIPTION:{_text(summary)}", "END:VALARM")
        yield "END:VEVENT"
    yield "END:VCALENDAR"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    """RFC 5545, 3.3.11; `visible` has left no line break."""
    shown = visible(text)
    for character in "\\;,":
        shown = shown.replace(character, f"\\{character}")
    return shown


def _folded(line: str) -> str:
    """Octets are counted, and no character is torn."""
    parts, current, size = [], "", 0
    for character in line:
        length = len(character.encode())
        if size + length > _FOLD:
            parts.append(current)
            current, size = " ", 1
        current += character
        size += length
    return "\r\n".join([*parts, current]) + "\r\n"
