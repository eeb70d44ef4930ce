"""One at a time over all processes, without a clock: the holder's death lets go of it at once."""

import contextlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from certificates.local_files import one_of


@contextlib.contextmanager
def only_one(name: str) -> Iterator[bool]:
    """Hold `name` inside the block.

    PostgreSQL: a lock of the session, for every machine that uses the database. SQLite: a lock of
    a file, as only one machine can use it. Not inside a transaction.

    Yields:
        False: somebody else holds it.
    """
    if connection.vendor != "postgresql":
        with one_of(Path(settings.CCXSEC_DATA) / "run" / name, 1) as is_free:
            yield is_free
        return
    number = int.from_bytes(sha256(f"ccxsec {name}".encode()).digest()[:8], signed=True)
    is_free = _asked("pg_try_advisory_lock", number)
    try:
        yield is_free
    finally:
        if is_free:
            with contextlib.suppress(DatabaseError):  # a lost connection has let go of it
                _asked("pg_advisory_unlock", number)


def _asked(function: str, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [number])
        return bool(cursor.fetchone()[0])
