"""A manifest's JSON, read as strictly as it is written: types, lengths, and no name twice.

A name that is not known is passed over, so that a later addition stays readable here.
"""

import json
import re
from collections import Counter
from datetime import UTC, datetime
from functools import reduce
from typing import Any, NoReturn

from bulk.exchange import limits
from bulk.exchange.unpacking import AGAIN
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_SHOWN = 60  # characters
_MOST_SHOWN_BITS = 64


def parsed(data: bytes) -> "Fields":
    """The object that a manifest is. Raises `Refused` archive.manifest."""
    # Counted before it is parsed: each value but the first of its list or object follows a comma.
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > limits.MANIFEST_VALUES:
        wrong = say(
            "The manifest has more than {most} values.",
            most=f"{limits.MANIFEST_VALUES:,}",
        )
        raise Refused("archive.manifest", wrong, AGAIN)
    try:
        content = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError as error:
        wrong = say(
            "The manifest is not text in UTF-8: the byte at {place} is wrong.",
            place=f"{error.start:,}",
        )
        raise Refused("archive.manifest", wrong, AGAIN) from None
    except json.JSONDecodeError as error:
        wrong = say(
            "The manifest is not JSON: {reason}, in line {line}.",
            reason=error.msg,
            line=f"{error.lineno:,}",
        )
        raise Refused("archive.manifest", wrong, AGAIN) from None
    except (RecursionError, ValueError):  # nested without end; a number of thousands of digits
        wrong = say("The manifest is nested too deeply, or has a number of thousands of digits.")
        raise Refused("archive.manifest", wrong, AGAIN) from None
    if not isinstance(content, dict):
        raise Refused(
            "archive.manifest",
            say("The manifest is {value}, no object.", value=shown(content)),
            AGAIN,
        )
    return Fields(content, say("The manifest"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON lets a name come twice, and readers differ in which of the two counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        wrong = say(
            "The field {name} stands twice in one object of the manifest.", name=shown(twice)
        )
        raise Refused("archive.manifest", wrong, AGAIN)
    return found


def _constant(name: str) -> NoReturn:
    raise Refused(
        "archive.manifest", say("The manifest is not JSON: it contains {name}.", name=name), AGAIN
    )


def shown(value: object) -> str:
    """A value of the manifest in a sentence, short and harmless."""
    if isinstance(value, str):
        return f'"{visible(value[:_LONGEST_SHOWN])}"'
    if isinstance(value, list | dict):
        return say("a list") if isinstance(value, list) else say("an object")
    if isinstance(value, int) and value.bit_length() > _MOST_SHOWN_BITS:
        return say("a huge number")
    return json.dumps(value)


class Fields:
    """One object and where it stands. Each method raises `Refused` archive.manifest."""

    def __init__(self, content: dict[str, Any], where: str) -> None:
        self._content, self._where = content, where

    def raw(self, name: str) -> Any:
        """Whatever is there; None if nothing is."""
        return self._content.get(name)

    def text(self, name: str, *, longest: int = limits.TEXT, shortest: int = 1) -> str:
        value = self.raw(name)
        if not _is_text(value, shortest, longest):
            wanted = say(
                "a text of {shortest} to {longest} visible characters",
                shortest=shortest,
                longest=f"{longest:,}",
            )
            self.refuse(name, wanted)
        return str(value)

    def exactly(self, name: str, wanted: str) -> str:
        if self.raw(name) != wanted:
            self.refuse(name, f'"{wanted}"')
        return wanted

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.raw(name)
        if not isinstance(value, str) or value not in choices:
            quoted = (f'"{choice}"' for choice in choices)
            self.refuse(
                name,
                reduce(lambda one, other: say("{one} or {other}", one=one, other=other), quoted),
            )
        return value

    def digest(self, name: str) -> str:
        value = self.raw(name)
        if not isinstance(value, str) or not _SHA256.fullmatch(value):
            self.refuse(name, say("a SHA-256 in 64 hexadecimal digits of lower case"))
        return value

    def number(self, name: str, *, most: int, least: int = 0) -> int:
        value = self.raw(name)
        if type(value) is not int or not least <= value <= most:  # True == 1
            wanted = say(
                "a whole number from {least} to {most}", least=f"{least:,}", most=f"{most:,}"
            )
            self.refuse(name, wanted)
        return value

    def time(self, name: str) -> datetime:
        """In UTC, whole seconds."""
        value = self.raw(name)
        try:
            time = datetime.strptime(str(value), TIME_FORMAT).replace(tzinfo=UTC)
        except ValueError:
            time = None
        # strptime takes digits of other scripts, and "1"; before 1970 tar has no time.
        if time is None or time.timestamp() < 0 or time.strftime(TIME_FORMAT) != value:
            self.refuse(name, say('a time in UTC such as "2026-01-31T09:30:00Z"'))
        return time

    def texts(self, name: str, *, most: int) -> tuple[str, ...]:
        """Different ones."""
        values = self.raw(name)
        if (
            not isinstance(values, list)
            or len(values) > most
            or not all(_is_text(value, 1, limits.TEXT) for value in values)
            or len(set(values)) < len(values)
        ):
            self.refuse(name, say("a list of up to {most} different names", most=f"{most:,}"))
        return tuple(values)

    def inner(self, name: str) -> "Fields":
        value = self.raw(name)
        if not isinstance(value, dict):
            self.refuse(name, say("an object"))
        return Fields(value, say('"{name}" of the manifest', name=name))

    def rows(self, name: str) -> list["Fields"]:
        """A list of objects; how many there may be is the caller's question."""
        value = self.raw(name)
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.refuse(name, say("a list of objects"))
        return [
            Fields(row, say('Entry {place} of "{name}"', place=f"{place:,}", name=name))
            for place, row in enumerate(value, 1)
        ]

    def refuse(self, name: str, wanted: str) -> NoReturn:
        """The value of `name` is not what is `wanted`."""
        if name not in self._content:
            wrong = say('{where} lacks the field "{name}".', where=self._where, name=name)
        else:
            wrong = say(
                '{where}: "{name}" is {value}; it must be {wanted}.',
                where=self._where,
                name=name,
                value=shown(self.raw(name)),
                wanted=wanted,
            )
        raise Refused("archive.manifest", wrong, AGAIN)


def _is_text(value: object, shortest: int, longest: int) -> bool:
    is_fit = isinstance(value, str) and shortest <= len(value) <= longest
    return is_fit and visible(str(value)) == value


def rendered(content: dict[str, Any]) -> bytes:
    """The manifest as it is written and signed: ASCII, one field or one entry of a list a line."""
    lines = [f"  {json.dumps(name)}: {_value(value)}" for name, value in content.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _value(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(value)
    return "[\n" + ",\n".join(f"    {json.dumps(row)}" for row in value) + "\n  ]"
