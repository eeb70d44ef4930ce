"""The rows of a backup into an empty database, of whatever kind, in the caller's transaction."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.apps.registry import Apps
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from certificates.operations.backup.content import End, Part, TableBegins, not_understood
from certificates.operations.backup.tables import Table, chosen, decoder, tables_of
from certificates.refusal import Refused

_BATCH = 500


@contextmanager
def unchecked_references() -> Iterator[None]:
    """Around the transaction: SQLite can't make tables inside one that checks references.

    `load` has them checked at its end; PostgreSQL does so at the end of the transaction.
    """
    off = connection.vendor == "sqlite" and connection.disable_constraint_checking()
    try:
        yield
    finally:
        if off:
            connection.enable_constraint_checking()


def load(migrations: Sequence[list[str]], labels: Sequence[str], parts: Iterator[Part]) -> None:
    """Make the tables as they were, fill them, and bring them to this version.

    Raises:
        Refused: backup.newer, backup.content.
    """
    registry = _migrated(migrations)
    tables = {table.label: table for table in tables_of(registry)}
    chosen(labels, list(tables.values()))
    last_keys = _fill(tables, parts)
    for label, last_key in last_keys.items():
        tables[label].go_on_after(last_key)
    connection.check_constraints()
    call_command("migrate", verbosity=0, interactive=False)


def _migrated(migrations: Sequence[list[str]]) -> Apps:
    """The models as they were when the backup was made; their tables are there."""
    executor = MigrationExecutor(connection)
    graph, applied = executor.loader.graph, {(app, name) for app, name in migrations}
    unknown = sorted(applied - set(graph.nodes))
    if unknown:
        wrong = f"The backup was made by a newer version: this one knows no {'.'.join(unknown[0])}."
        raise Refused("backup.newer", wrong, "Update the product on this machine, then restore.")
    leaves = [
        key
        for key in sorted(applied)
        if not any(c.key in applied and c.key[0] == key[0] for c in graph.node_map[key].children)
    ]
    registry: Apps = executor.migrate(leaves).apps
    return registry


def _fill(tables: dict[str, Table], parts: Iterator[Part]) -> dict[str, int]:
    """Returns the last key of each table."""
    last_keys: dict[str, int] = {}
    rows = Batch(None, [])
    for part in parts:
        if isinstance(part, list):
            rows.add(part)
            continue
        rows.flush()
        if isinstance(part, End):
            break
        if not isinstance(part, TableBegins) or part.label in last_keys:
            raise not_understood()
        begun = tables.get(part.label)
        if begun is None or sorted(part.columns) != sorted(begun.columns):
            raise not_understood()
        last_keys[part.label], rows = part.last_key, Batch(begun, part.columns)
    for _ in parts:  # the end of the file is authenticated by being read
        raise not_understood()
    return last_keys


class Batch:
    """Rows of one table that are inserted together; the columns are in the backup's order."""

    def __init__(self, table: Table | None, columns: Sequence[str]) -> None:
        self._table, self._rows = table, list[list[Any]]()
        fields = {field.attname: field for field in table.fields} if table else {}
        self._fields = [fields[name] for name in columns]
        self._decoders = [decoder(field) for field in self._fields]

    def add(self, values: list[Any]) -> None:
        if self._table is None or len(values) != len(self._decoders):
            raise not_understood()
        try:
            self._rows.append(
                [
                    None if value is None else decode(value)
                    for value, decode in zip(values, self._decoders, strict=True)
                ]
            )
        except (ValueError, TypeError, ValidationError):
            raise not_understood() from None
        if len(self._rows) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        if not self._table or not self._rows:
            return
        fields, quoted = self._fields, connection.ops.quote_name
        columns = ", ".join(quoted(str(field.column)) for field in fields)
        places = ", ".join(["%s"] * len(fields))
        table = quoted(self._table.model._meta.db_table)
        statement = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608 - quoted
        with connection.cursor() as cursor:
            cursor.executemany(
                statement,
                [
                    [
                        field.get_db_prep_save(value, connection)
                        for field, value in zip(fields, row, strict=True)
                    ]
                    for row in self._rows
                ],
            )
        self._rows.clear()
