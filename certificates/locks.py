"""A lock that one process holds in the whole cluster, while it works outside the database."""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from certificates.local_files import make_folder, open_lock

_PAUSE = 0.1  # seconds between two tries


@contextmanager
def cluster_lock(name: str, *, patience: float) -> Iterator[bool]:
    """Hold the lock `name`; it is free again when its holder dies, however it dies.

    On PostgreSQL it is held by the database session, so that several machines share it; on SQLite,
    which is for one machine, by a file.

    Args:
        patience: seconds to wait for it.

    Yields:
        False: another one holds it still.
    """
    if connection.vendor == "postgresql":
        with _in_database(name, patience) as held:
            yield held
    else:
        with _in_file(name, patience) as held:
            yield held


@contextmanager
def _in_database(name: str, patience: float) -> Iterator[bool]:
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)

    def ask(function: str) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [key])
            return bool(cursor.fetchone()[0])

    held = _within(patience, lambda: ask("pg_try_advisory_lock"))
    try:
        yield held
    finally:
        if held:
            with contextlib.suppress(DatabaseError):  # a lost connection has let go of it
                ask("pg_advisory_unlock")


@contextmanager
def _in_file(name: str, patience: float) -> Iterator[bool]:
    folder = Path(settings.CCXSEC_DATA) / "run"
    make_folder(folder)
    path = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.lock"
    descriptor = open_lock(path)

    def take() -> bool:
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        yield _within(patience, take)
    finally:
        os.close(descriptor)


def _within(patience: float, take: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + patience
    while not take():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True
