"""How SQLite would answer a statement: by which index, or by reading all rows."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

only_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL plans by its statistics"
)


def plans_of(work: Callable[[], object], *words: str) -> list[str]:
    """Of each SELECT of `work` in which all `words` stand."""
    with CaptureQueriesContext(connection) as captured:
        work()
    asked = [query["sql"] for query in captured.captured_queries]
    plans = []
    for sql in asked:
        if sql.startswith("SELECT ") and all(word in sql for word in words):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                plans.append(" ".join(str(row) for row in cursor.fetchall()))
    return plans
