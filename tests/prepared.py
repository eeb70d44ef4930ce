"""A state that many tests begin with: made once by each process, then copied for every test."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction

Rows = list[tuple[Any, ...]]
NUMBERED = ("auth_permission", "django_content_type")  # anew after a test that commits


class Prepared:
    """Rows and files. The first `put` has the product make them, the others copy them.

    Args:
        make: makes both, in the database of a test and its data folder.
        folder: is made, and keeps the files.
    """

    def __init__(self, make: Callable[[], object], folder: Path) -> None:
        self.make, self.folder = make, folder
        self.tables: dict[str, tuple[list[str], Rows]] = {}  # its columns, and the new rows
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
        # One transaction: a row may come before the one that it refers to.
        with transaction.atomic(), connection.cursor() as cursor:
            for name, (columns, rows) in self.tables.items():
                listed = ", ".join(map(connection.ops.quote_name, columns))
                places = ", ".join(["%s"] * len(columns))
                cursor.executemany(f'INSERT INTO "{name}" ({listed}) VALUES ({places})', rows)
            for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models()):
                cursor.execute(statement)
        shutil.copytree(self.folder, data, symlinks=True, dirs_exist_ok=True)


def _content(table: str) -> tuple[list[str], Rows]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
        return [column[0] for column in cursor.description], cursor.fetchall()
