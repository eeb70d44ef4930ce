"""States that many tests begin with: made once by each process, then copied for every test."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction

Rows = list[tuple[Any, ...]]
Tables = dict[str, tuple[list[str], Rows]]  # the columns and rows of each
NUMBERED = ("auth_permission", "django_content_type")  # anew after a test that commits


class Migrated:
    """The database as `migrate` has left it, to which a test that commits puts it back.

    Django's own flush has permissions and content types made anew, which takes a quarter of a
    second and gives them other numbers. The database must be as `migrate` leaves it now.
    """

    def __init__(self) -> None:
        self.names = connection.introspection.django_table_names(only_existing=True)
        self.tables = {name: _content(name) for name in self.names if _content(name)[1]}

    def put_back(self) -> None:
        with connection.cursor() as cursor:
            one = "SELECT '{0}' WHERE EXISTS (SELECT 1 FROM \"{0}\")"
            cursor.execute(" UNION ALL ".join(map(one.format, self.names)))
            filled = [name for (name,) in cursor.fetchall()]
        statements = connection.ops.sql_flush(
            no_style(), filled, reset_sequences=True, allow_cascade=True
        )
        connection.ops.execute_sql_flush(statements)
        _insert(self.tables)


class Prepared:
    """Rows and files. The first `put` has the product make them, the others copy them.

    Args:
        make: makes both, in the database of a test and its data folder.
        folder: is made, and keeps the files.
    """

    def __init__(self, make: Callable[[], object], folder: Path) -> None:
        self.make, self.folder = make, folder
        self.tables: Tables = {}  # with the new rows
        self.base: dict[str, Rows] = {}  # what the new rows refer to

    def put(self, data: Path) -> None:
        """Into a database as `migrate` leaves it, and into the data folder."""
        if self.tables:
            is_same = all(_content(name)[1] == rows for name, rows in self.base.items())
            self._copy(data) if is_same else self.make()
            return
        names = connection.introspection.django_table_names(only_existing=True)
        before = {name: _content(name)[1] for name in names}
        self.base = {name: before[name] for name in NUMBERED}
        self.make()
        for name in names:
            columns, rows = _content(name)
            assert all(row in rows for row in before[name]), f"{name}: a row was changed"
            if new := [row for row in rows if row not in before[name]]:
                self.tables[name] = (columns, new)
        shutil.copytree(data, self.folder, symlinks=True)

    def _copy(self, data: Path) -> None:
        _insert(self.tables)
        shutil.copytree(self.folder, data, symlinks=True, dirs_exist_ok=True)


def _insert(tables: Tables) -> None:
    # One transaction: a row may come before the one that it refers to.
    with transaction.atomic(), connection.cursor() as cursor:
        for name, (columns, rows) in tables.items():
            listed = ", ".join(map(connection.ops.quote_name, columns))
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(f'INSERT INTO "{name}" ({listed}) VALUES ({places})', rows)
        for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models()):
            cursor.execute(statement)


def _content(table: str) -> tuple[list[str], Rows]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
        return [column[0] for column in cursor.description], cursor.fetchall()
