"""An installation of its own for one benchmark; the real one in `var/` is never touched."""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

HOST_NAME, ADDRESS = "bench.example.com", "192.0.2.10"


@contextmanager
def installation(folder: Path, database_url: str) -> Iterator[None]:
    """Loads Django with all of its files in `folder`, and installs the local node.

    Args:
        database_url: "" for SQLite in `folder`; else a PostgreSQL server, in which a database of
            its own is made and dropped again.
    """
    _set_environment(folder, database_url)
    django.setup()
    with _database(folder):
        _install()
        yield


def _set_environment(folder: Path, database_url: str) -> None:
    """Whatever names a place is set here: neither the environment nor `.env` may choose it."""
    for name in [name for name in os.environ if name.startswith("CCXSEC_")]:
        del os.environ[name]
    master_key = base64.b64encode(os.urandom(32)).decode()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "ccxsec_project.settings",
        "DATABASE_URL": database_url or f"sqlite:///{folder / 'ccxsec.sqlite3'}",
        "CCXSEC_DATA": str(folder),
        "CCXSEC_STORE": str(folder / "store"),
        "CCXSEC_AUDIT_ANCHOR": str(folder / "audit.anchor"),
        "CCXSEC_MASTER_KEY_FILE": str(folder / "master.keys"),
        "CCXSEC_MASTER_KEYS": f"1:{master_key}",
        "CCXSEC_ALLOWED_HOSTS": "localhost",
        "CCXSEC_DEBUG": "false",
        "CCXSEC_LOG_LEVEL": "WARNING",
    }


@contextmanager
def _database(folder: Path) -> Iterator[None]:
    from django.core.management import call_command  # noqa: PLC0415 - the settings come first
    from django.db import connection  # noqa: PLC0415 - the settings come first

    if connection.vendor == "sqlite":
        call_command("migrate", verbosity=0, interactive=False)
        yield
        return
    name = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"ccxsec_{folder.name.replace('-', '_').lower()}"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def _install() -> None:
    from django.core.management import call_command  # noqa: PLC0415 - the settings come first
    from django.utils import timezone  # noqa: PLC0415 - the settings come first

    from certificates.access import Actor  # noqa: PLC0415 - the settings come first
    from certificates.operations.install import install  # noqa: PLC0415 - the settings come first

    now, actor = timezone.now(), Actor("benchmark")
    install(host_name=HOST_NAME, addresses=[ADDRESS], actor=actor, now=now)
    call_command("collectstatic", verbosity=0, interactive=False)
