"""A part of a fingerprint or of a serial number, found by an index of groups of four digits.

Both fingerprints and the serial number stand behind each other in one text, which is divided into
groups from its beginning; the fingerprints' lengths are multiples of four. Where a part begins
inside a group is not known, so that each of the four places is asked for. SQLite keeps the groups
in a table of FTS5, PostgreSQL in an index of an array.
"""

from collections.abc import Iterator, Sequence

from django.db import connection

GROUP = 4  # digits
FEWEST = 6  # digits: fewer fit so many rows that walking through all of them takes as long
_MOST_GROUPS = 4  # that are asked for at one place: more would hardly find fewer rows
_HEXADECIMAL = "0123456789abcdef"
_TABLE = "certificates_digits"
_ROWS = "SELECT id FROM certificates_certificate"
TEXT = "fingerprint || fingerprint_sha1 || serial_number"
ARRAY = f"string_to_array(rtrim(regexp_replace({TEXT}, '(.{{{GROUP}}})', '\\1 ', 'g')), ' ')"


def digit_keys(digits: str, most: int) -> list[int] | None:
    """Keys of rows that may have `digits` in a fingerprint or serial number: all that do, if few.

    A superset: who asks compares the text again. None where the index can't tell: for fewer than
    `FEWEST` digits, for more than `most` rows, and on an SQLite without FTS5.

    Args:
        digits: hexadecimal, in lower case.
    """
    if len(digits) < FEWEST:
        return None
    places = list(_places(digits))
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT 1 FROM sqlite_master WHERE name = %s", [_TABLE])
            if cursor.fetchone() is None:
                return None
            asked = f"SELECT rowid FROM {_TABLE} WHERE {_TABLE} MATCH %s LIMIT %s"  # noqa: S608 - constants
            cursor.execute(asked, [_matched(places), most + 1])
        else:
            wanted, parameters = _contained(places)
            # Apart: for few rows its planner would rather walk the table until it has met them.
            found = f"WITH found AS MATERIALIZED ({_ROWS} WHERE {wanted})"
            asked = f"{found} SELECT id FROM found LIMIT %s"  # noqa: S608  # nosec B608 - constants
            cursor.execute(asked, [*parameters, most + 1])
        keys = [key for (key,) in cursor.fetchall()]
    return keys if len(keys) <= most else None


def _places(digits: str) -> Iterator[Sequence[Sequence[str]]]:
    """For each place in a group where `digits` may begin: what must be there, each as choices."""
    for begin in range(GROUP):
        ends = range(begin + GROUP, len(digits) + 1, GROUP)
        whole = [digits[end - GROUP : end] for end in ends]
        if whole:
            yield [[group] for group in whole[:_MOST_GROUPS]]
            continue
        # The end of one group and the beginning of the next, which may be the last and short.
        last, first = digits[:begin], digits[begin:]
        yield [
            [f"-{last}", *(f"{digit}{last}" for digit in _HEXADECIMAL)],  # a negative serial number
            [first, *(f"{first}{digit}" for digit in _HEXADECIMAL)],
        ]


def _matched(places: Sequence[Sequence[Sequence[str]]]) -> str:
    """The same as a query of FTS5."""

    def any_of(choices: Sequence[str]) -> str:
        return "({})".format(" OR ".join(f'"{choice}"' for choice in choices))

    return " OR ".join(f"({' AND '.join(map(any_of, place))})" for place in places)


def _contained(places: Sequence[Sequence[Sequence[str]]]) -> tuple[str, list[list[str]]]:
    """The same as a condition of PostgreSQL, and its parameters."""
    wanted = " OR ".join(" AND ".join(f"{ARRAY} && %s" for _ in place) for place in places)
    return f"({wanted})", [list(choices) for place in places for choices in place]
