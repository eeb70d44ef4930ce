"""A part of a fingerprint or of a serial number, found by an index of groups of four digits.

Both fingerprints and the serial number stand behind each other in one text, which is divided into
groups from its beginning; the fingerprints' lengths are multiples of four. Where a part begins
inside a group is not known, so that each of the four places is asked for; where it ends with its
text, only the last group may be short. SQLite keeps the groups in a table of FTS5, PostgreSQL in an
index of an array.
"""

from collections.abc import Iterator, Sequence
from itertools import product

from django.db import connection, transaction

GROUP = 4  # digits
FEWEST, FEWEST_AT_END = 5, 3  # digits: fewer fit so many rows that a walk soon comes upon some
_MOST_GROUPS = 4  # that are asked for at one place: more would hardly find fewer rows
_Place = Sequence[Sequence[str]]  # choices, of each of which a row has one
_HEXADECIMAL = "0123456789abcdef"
_TABLE = "certificates_digits"
_ROWS = "SELECT id FROM certificates_certificate"
TEXT = "fingerprint || fingerprint_sha1 || serial_number"
ARRAY = f"string_to_array(rtrim(regexp_replace({TEXT}, '(.{{{GROUP}}})', '\\1 ', 'g')), ' ')"


def is_told(digits: str, *, at_end: bool) -> bool:
    """Whether they are so many that the index is asked."""
    return len(digits) >= (FEWEST_AT_END if at_end else FEWEST)


def digit_keys(digits: str, most: int, *, at_end: bool = False) -> list[int] | None:
    """Keys of rows that may have `digits` in a fingerprint or serial number: all that do, if few.

    A superset: who asks compares the text again. None where the index can't tell: for too few
    digits, for more than `most` rows, and on an SQLite without FTS5.

    Args:
        digits: hexadecimal, in lower case.
        at_end: they are the last ones.
    """
    if not is_told(digits, at_end=at_end):
        return None
    places = list(_places_at_end(digits) if at_end else _places(digits))
    if connection.vendor == "sqlite":
        keys = _keys_on_sqlite(places, most)
    else:
        keys = _keys_on_postgresql(places, most)
    return keys if keys is not None and len(keys) <= most else None


def _keys_on_sqlite(places: Sequence[_Place], most: int) -> list[int] | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE name = %s", [_TABLE])
        if cursor.fetchone() is None:
            return None
        asked = f"SELECT rowid FROM {_TABLE} WHERE {_TABLE} MATCH %s LIMIT %s"  # noqa: S608 - constants
        cursor.execute(asked, [_matched(places), most + 1])
        return [key for (key,) in cursor.fetchall()]


def _keys_on_postgresql(places: Sequence[_Place], most: int) -> list[int]:
    wanted, parameters = _contained(places)
    # Apart: for few rows its planner would rather walk the table until it has met them.
    found = f"WITH found AS MATERIALIZED ({_ROWS} WHERE {wanted})"
    asked = f"{found} SELECT id FROM found LIMIT %s"  # noqa: S608  # nosec B608 - constants
    with transaction.atomic(), connection.cursor() as cursor:
        # It takes many choices for many rows, and dividing every row's text would take minutes.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(asked, [*parameters, most + 1])
        keys = [key for (key,) in cursor.fetchall()]
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")
    return keys


def _places(digits: str) -> Iterator[_Place]:
    """For each place in a group where `digits` may begin: what must be there, each as choices."""
    for begin in range(GROUP):
        yield _groups(digits, begin) or [
            _ending_with(digits[:begin]),
            _beginning_with(digits[begin:]),
        ]


def _places_at_end(digits: str) -> Iterator[_Place]:
    """The same where they end: with a whole group, or a last one of one to three digits."""
    for short in range(GROUP):
        rest, last = (digits[:-short], [[digits[-short:]]]) if short else (digits, [])
        begin = len(rest) % GROUP
        before = _groups(rest, begin)
        if not before and begin > 1:  # of one digit there are too many
            before = [_ending_with(rest)]
        yield [*before, *last]


def _groups(digits: str, begin: int) -> _Place:
    """Those that lie inside, the first one from `begin` on."""
    ends = range(begin + GROUP, len(digits) + 1, GROUP)
    return [[digits[end - GROUP : end]] for end in ends][:_MOST_GROUPS]


def _ending_with(last: str) -> list[str]:
    """Every group that does; that with which a negative serial number begins has a sign."""
    length = GROUP - len(last)
    return [f"{more}{last}" for more in _numbers(length)] + [
        f"-{more}{last}" for more in _numbers(length - 1)
    ]


def _beginning_with(first: str) -> list[str]:
    """Every group that does; the last one of a text may be short."""
    return [
        f"{first}{more}" for length in range(GROUP - len(first) + 1) for more in _numbers(length)
    ]


def _numbers(length: int) -> Iterator[str]:
    """All of so many digits."""
    return map("".join, product(_HEXADECIMAL, repeat=length))


def _matched(places: Sequence[_Place]) -> str:
    """The same as a query of FTS5."""

    def any_of(choices: Sequence[str]) -> str:
        return "({})".format(" OR ".join(f'"{choice}"' for choice in choices))

    return " OR ".join(f"({' AND '.join(map(any_of, place))})" for place in places)


def _contained(places: Sequence[_Place]) -> tuple[str, list[list[str]]]:
    """The same as a condition of PostgreSQL, and its parameters."""
    wanted = " OR ".join(" AND ".join(f"{ARRAY} && %s" for _ in place) for place in places)
    return f"({wanted})", [list(choices) for place in places for choices in place]
