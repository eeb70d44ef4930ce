"""Few rows found by an index, before anything else is asked of them.

A planner that knows nothing of the values would rather walk the whole table in list order.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models
from django.db.models import BigIntegerField, F, Func, Lookup, Q
from django.db.models.lookups import Contains, EndsWith

TRIGRAM = 3  # characters
MOST_TRIGRAMS = 24  # of one value: more would hardly find fewer rows
SEARCHED = ("common_name", "subject", "issuer", "subject_alternative_names")
_TABLE = "certificates_search"


class Among(Lookup):
    """Whether a key is one of many, which go as one parameter, however many they are."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sqlite(self, compiler: Any, connection: Any) -> Any:
        column, parameters = self.process_lhs(compiler, connection)
        keys = json.dumps(self.rhs)
        listed = "(SELECT value FROM json_each(%s))"
        return f"{column} IN {listed}", [*parameters, keys]

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", [*parameters, self.rhs]


@models.CharField.register_lookup
class Holds(Lookup):
    """Whether a text has another in it, letter by letter, for who walks through the rows.

    PostgreSQL takes what LIKE finds for rare, and would read all rows to sort the few.
    """

    lookup_name = "holds"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return Contains(self.lhs, self.rhs).as_sql(compiler, connection)

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        column, parameters = self.process_lhs(compiler, connection)
        return f"strpos({column}, %s) > 0", [*parameters, self.rhs]


@models.CharField.register_lookup
class Closes(Lookup):
    """The same at the end of a text."""

    lookup_name = "closes"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return EndsWith(self.lhs, self.rhs).as_sql(compiler, connection)

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        column, parameters = self.process_lhs(compiler, connection)
        return f"right({column}, %s) = %s", [*parameters, len(self.rhs), self.rhs]


class Unindexed(Func):
    """A column that SQLite takes as it is, and looks up in no index.

    It has no statistics: of an index that finds half of the table, and one that holds the order
    that is asked for, it takes the former and sorts.
    """

    template = "+%(expressions)s"
    arity = 1


def unindexed(rows: Any, wanted: Q, *, but: Iterable[str] = ()) -> Any:
    """`rows` that fit `wanted`; on SQLite found by no index, except those of the columns `but`."""
    if connection.vendor != "sqlite":
        return rows.filter(wanted)
    used: dict[str, str] = {}

    def renamed(child: Any) -> Any:
        if isinstance(child, Q):
            return _like(child, [renamed(one) for one in child.children])
        if not isinstance(child, tuple):
            return child
        column, *lookup = child[0].split("__")
        if lookup[:1] == ["host_name"] or column in but or column == "pk":
            return child
        used[column] = f"plain_{column}"
        return "__".join([used[column], *lookup]), child[1]

    wanted = renamed(wanted)
    columns = {
        alias: Unindexed(F(column), output_field=_type_of(rows.model, column))
        for column, alias in used.items()
    }
    return rows.alias(**columns).filter(wanted)


def sorted_by(column: str) -> Any:
    """What few rows are ordered by once they are found; on SQLite no index is walked for it."""
    return Unindexed(F(column)) if connection.vendor == "sqlite" else F(column)


def _like(other: Q, children: Sequence[Any]) -> Q:
    made = Q(_connector=other.connector, _negated=other.negated)
    made.children = list(children)
    return made


def _type_of(model: type[models.Model], column: str) -> Any:
    field = model._meta.get_field(column)
    return BigIntegerField() if field.is_relation else field


def trigram_keys(column: str, value: str, most: int) -> list[int] | None:
    """Keys of rows that may hold `value` in `column`, in any case of letters: all that do, if few.

    A superset: who asks compares the text again. One more than `most` says that there are more.
    None where the index can't tell: on PostgreSQL, whose planner uses its own, for values of less
    than three characters, and on an SQLite without it.
    """
    if connection.vendor != "sqlite" or column not in SEARCHED or len(value) < TRIGRAM:
        return None
    parts = dict.fromkeys(
        value[start : start + TRIGRAM] for start in range(len(value) - TRIGRAM + 1)
    )
    wanted = " AND ".join(_quoted(part) for part in list(parts)[:MOST_TRIGRAMS])
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE name = %s", [_TABLE])
        if cursor.fetchone() is None:
            return None
        asked = f"SELECT rowid FROM {_TABLE} WHERE {_TABLE} MATCH %s LIMIT %s"  # noqa: S608 - constants
        cursor.execute(asked, [f"{{{column}}} : ({wanted})", most + 1])
        return [key for (key,) in cursor.fetchall()]


def _quoted(part: str) -> str:
    """A string of FTS5, in which nothing but the quotation mark means anything."""
    return '"{}"'.format(part.replace('"', '""'))
