"""What the dashboard asks of a large table (MN-1)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ccxsec_project.dashboard import attention
from certificates.access import Actor
from certificates.models import Node


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by its statistics")
def test_own_certificates_are_looked_for_among_the_own_ones(node: Node, actor: Actor) -> None:
    with CaptureQueriesContext(connection) as captured:
        attention(actor)
    asked = [query["sql"] for query in captured.captured_queries if '"is_own" IN' in query["sql"]]

    assert len(asked) == 3, "what expires, what is weak, whose path is broken"
    for sql in asked:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = " ".join(str(row) for row in cursor.fetchall())
        assert "list_order (state=? AND is_own=?)" in plan
