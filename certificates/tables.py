"""Tables as CSV and JSON: what a table has for columns, and how it is written (docs/tables.md).

A table names its columns one by one: what is not named never leaves. Rows are written as they
come from the database, so that a million take no more memory than one.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from operator import attrgetter
from typing import Any

from django.http import StreamingHttpResponse
from django.urls import register_converter

from certificates.x509.visible import defused, visible

Cells = dict[str, Any]
CHUNK = 500  # rows that are fetched at a time
PIECE = 64 * 1024  # characters that are sent at a time


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is for programs and stays as it is; `value` tells a row's value for it."""

    name: str
    value: Callable[[Any], object]


def columns(*names: str, **values: str | Callable[[Any], object]) -> tuple[Column, ...]:
    """Columns that are called like an attribute; then those by name, `__` as in a look-up.

    `columns("state", node="node__host_name", hosts=lambda row: ...)`
    """
    named = {name: name for name in names} | values
    return tuple(Column(name, _reading(value)) for name, value in named.items())


def _reading(value: str | Callable[[Any], object]) -> Callable[[Any], object]:
    return attrgetter(value.replace("__", ".")) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is the stem of the file that is saved: letters and hyphens."""

    name: str
    columns: Sequence[Column]

    def read(self, row: Any) -> Cells:
        """A row's values, each text, number, truth value, list, dictionary, or None."""
        return {column.name: _plain(column.value(row)) for column in self.columns}

    def answer(self, rows: Iterable[Any], kind: str) -> StreamingHttpResponse:
        """A file to be saved; `kind` is one of `FORMATS`."""
        media_type, write = FORMATS[kind]
        names = [column.name for column in self.columns]
        return StreamingHttpResponse(
            _in_pieces(write(names, map(self.read, rows))),
            content_type=media_type,
            headers={"Content-Disposition": f'attachment; filename="{self.name}.{kind}"'},
        )


def _plain(value: object) -> Any:
    """Moments are UTC in ISO 8601; what JSON does not know is told as text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.year < _LAST else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


_LAST = 9999  # the end of all days can't be moved to another zone


class _Echo:
    """A file for `csv.writer` that hands back each line."""

    def write(self, line: str) -> str:
        return line


def _csv(names: Sequence[str], rows: Iterable[Cells]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(names)
    for row in rows:
        yield writer.writerow([_cell(value) for value in row.values()])


def _cell(value: Any) -> Any:
    """Numbers stay; text is made harmless for a spreadsheet, and for who looks at it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = "\n".join(value)
    elif not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False)
    return "\n".join(defused(visible(line)) for line in value.split("\n"))


def _json(names: Sequence[str], rows: Iterable[Cells]) -> Iterator[str]:
    separator = "[\n"
    for row in rows:
        yield separator + json.dumps(row, ensure_ascii=True)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _in_pieces(lines: Iterable[str]) -> Iterator[str]:
    """Lines gathered to pieces: a piece for each line would cost more than the line."""
    gathered: list[str] = []
    length = 0
    for line in lines:
        gathered.append(line)
        length += len(line)
        if length >= PIECE:
            yield "".join(gathered)
            gathered, length = [], 0
    if gathered:
        yield "".join(gathered)


FORMATS: dict[str, tuple[str, Callable[[Sequence[str], Iterable[Cells]], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "json": ("application/json", _json),
}


class FormatInAddress:
    """The ending of an address, as one of `FORMATS`: `export.<table:kind>`."""

    regex = "|".join(FORMATS)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(FormatInAddress, "table")
