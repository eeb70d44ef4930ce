"""On which kind of database the tests run, and a new one of that kind for a product."""

import os
from functools import cache
from pathlib import Path

ASKED = "CCXSEC_TEST_DATABASE"  # "postgresql", or anything else for SQLite
SERVER = "CCXSEC_TEST_POSTGRES"  # the URL of an empty database of the server that was started


def on_postgresql() -> bool:
    return SERVER in os.environ


@cache
def own_database(data: Path) -> str:
    """The URL of the database of the installation in `data`; nobody else uses it."""
    if not on_postgresql():
        return f"sqlite:///{data / 'ccxsec.sqlite3'}"
    from tests.lab.postgres import copy_of  # noqa: PLC0415 - it needs this module first

    return copy_of(os.environ[SERVER])
