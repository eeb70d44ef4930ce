"""Rows by the thousand: inserted for half the price of `bulk_create`, asked for in portions."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from django.db import connection, models

_VALUES_OF_A_QUERY = 300
_V = TypeVar("_V")


def insert_many(rows: Sequence[models.Model]) -> None:
    """Insert rows of one model by one statement that is executed for each.

    `bulk_create` compiles each value of each row into its statements. Like there, no signals are
    sent; keys that the database makes stay there.
    """
    if not rows:
        return
    meta, quoted = type(rows[0])._meta, connection.ops.quote_name
    fields = [field for field in meta.local_concrete_fields if field is not meta.auto_field]
    columns = ", ".join(quoted(str(field.column)) for field in fields)
    table, places = quoted(meta.db_table), ", ".join(["%s"] * len(fields))
    statement = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 - quoted
    values = [
        [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def portions(values: Sequence[_V]) -> Iterator[Sequence[_V]]:
    """As many values at once as one query may ask for (`IN`) on any database."""
    for start in range(0, len(values), _VALUES_OF_A_QUERY):
        yield values[start : start + _VALUES_OF_A_QUERY]
