"""A PostgreSQL server that lives as long as one `with` block; nothing of the machine's is used."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.parts import in_ci
from tests.product import free_port

USER = "postgres"  # the server refuses to run as root


@contextmanager
def throw_away_postgres(*, by_socket: bool = False) -> Iterator[str]:
    """Yields a DATABASE_URL of an empty database.

    Args:
        by_socket: by a file, which is there in every network namespace; else over loopback.
    """
    with restartable_postgres(by_socket=by_socket) as (url, _):
        yield url


@contextmanager
def restartable_postgres(*, by_socket: bool = False) -> Iterator[tuple[str, Callable[[], None]]]:
    """The same, and what stops it at once and starts it again, as a crash would."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="ccxsec-postgres-"))  # tmp_path is closed to `USER`
    password, port = secrets.token_urlsafe(18), free_port()
    password_file = folder / "password"
    password_file.write_text(password)
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        as_user = {"user": USER, "group": USER, "extra_groups": []}
        for path in (folder, password_file):
            shutil.chown(path, USER, USER)

    def run(program: str, *words: str) -> None:
        command = [str(binaries / program), "-D", str(folder / "data"), *words]
        with (folder / "output").open("w+") as output:  # the server would keep a pipe open
            done = subprocess.run(
                command,
                cwd=folder,
                stdout=output,
                stderr=output,
                timeout=60,
                check=False,
                **as_user,
            )
        assert done.returncode == 0, (folder / "output").read_text()

    encoding = ["--encoding=UTF8", "--locale=C", "--no-sync"]
    sign_in = ["--auth=scram-sha-256", "--username=ccxsec", f"--pwfile={password_file}"]
    options = f"-k {folder} -p {port} -c listen_addresses=127.0.0.1 -F"

    def restart() -> None:
        run("pg_ctl", "-w", "-m", "immediate", "stop")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")

    try:
        run("initdb", *encoding, *sign_in)
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            over_loopback = f"127.0.0.1:{port}/postgres"
            place = f"/postgres?host={folder}&port={port}" if by_socket else over_loopback
            yield f"postgres://ccxsec:{password}@{place}", restart
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def copy_of(url: str) -> str:
    """The URL of a new database with the content of this one, to which nobody is connected."""
    address, name = urlsplit(url), f"copy_{secrets.token_hex(6)}"
    template = address.path.strip("/")
    with psycopg.connect(address._replace(path="/template1").geturl(), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return address._replace(path=f"/{name}").geturl()


def _binaries() -> Path:
    """The folder of the newest server's programs; Debian keeps it out of PATH."""
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(installed, key=lambda path: int(path.parts[-3]), default=shutil.which("initdb"))
    if newest is None:
        message = "PostgreSQL's server is missing: apt-get install postgresql"
        pytest.fail(message) if in_ci() else pytest.skip(message)
    return Path(str(newest)).parent
