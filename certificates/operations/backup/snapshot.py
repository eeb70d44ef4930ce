"""One moment of the database, to be read in peace while the product goes on."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, connections, transaction

ALIAS = "snapshot"


@contextmanager
def snapshot() -> Iterator[str]:
    """The alias of a second connection whose reads all see the same moment. Nobody waits for it.

    SQLite: a read transaction, which other than ours elsewhere does not take the write lock.
    PostgreSQL: REPEATABLE READ.
    """
    second = connection.copy(alias=ALIAS)
    connections[ALIAS] = second
    try:
        second.ensure_connection()
        if second.vendor == "sqlite":
            second.transaction_mode = "DEFERRED"  # type: ignore[attr-defined] # SQLite's own
        with transaction.atomic(using=ALIAS), second.cursor() as cursor:
            if second.vendor == "postgresql":
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT COUNT(*) FROM django_migrations")  # the moment is now
            yield ALIAS
    finally:
        second.close()
        del connections[ALIAS]
