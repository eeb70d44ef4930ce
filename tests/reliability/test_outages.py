"""A database or disk that can't be used: a sentence and 503, never an error, and back by itself."""

import contextlib
import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.test import Client
from pytest_django import Settings

from certificates import anchor, tasks
from certificates.access import Actor
from certificates.models import Certificate, Event, Heartbeat, Job, Node, Purpose
from certificates.operations import generate, verify_audit
from certificates.outages import outage_of
from certificates.refusal import Refused
from certificates.x509.policy import KeyChoice
from tests.bulk.small_disk import KIB, fill, small_disk
from tests.commanding import Commanding
from tests.conftest import NOW
from tests.reliability.planting import own
from tests.test_urls import ORIGIN, TOKEN, Keys, address, ask, of_browsers, rows, token

__all__ = ["rows"]
# Windows of users and passwords begin a transaction also to look.
OF_USERS = ("admin/auth/user/<id>/password/", "admin/auth/user/add/", "admin/password_change/")
SIGNING = ("admin/login/", "admin/logout/")


@contextmanager
def read_only() -> Iterator[None]:
    """The database takes no change until the block ends."""
    _allow_changes(False)
    try:
        yield
    finally:
        _allow_changes(True)


def _allow_changes(yes: bool) -> None:
    """Of this connection; of PostgreSQL's also those that come after it."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA query_only = {'OFF' if yes else 'ON'}")
            return
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute("SET default_transaction_read_only = off")
        wanted = f"default_transaction_read_only = {'off' if yes else 'on'}"
        cursor.execute(f"ALTER DATABASE {name} SET {wanted}")
    connection.close()


@contextmanager
def full() -> Iterator[None]:
    """The database has no page left; SQLite alone can be told so."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no such limit; its words are in the table below")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")


def make(node: Node, actor: Actor) -> Certificate:
    active = own()
    return generate(
        node,
        Purpose.TOMCAT,
        key=KeyChoice.EC_P256,
        replacing=active.fingerprint,
        actor=actor,
        now=NOW,
    ).certificate


def make_many(node: Node, actor: Actor) -> None:
    for _ in range(50):
        make(node, actor)


@pytest.mark.spec("MN-4")
def test_a_read_only_database_is_shown_and_tells_of_itself(
    transactional_db: None, rows: Keys, as_role: Callable[..., Client]
) -> None:
    """Every address: what only reads goes on, what changes is told; no session is lost by it."""
    client = as_role(
        "Security administrator", enforce_csrf_checks=True, raise_request_exception=False
    )
    session = client.session
    session["signed_in_at"] = session["seen_at"] = int(time.time()) - 300
    session.save()
    logging.disable(logging.ERROR)
    wrong: list[str] = []
    try:
        with read_only():
            for (route, method), statuses in of_browsers().items():
                if route in SIGNING or route.startswith(OF_USERS):
                    continue
                status = ask(client, method, address(route, rows))
                wanted = statuses["Security administrator"]
                if status != wanted and (method == "GET" or status not in (302, 422, 503)):
                    wrong.append(f"{method} {route}: {status} instead of {wanted}")
            told = client.post("/admin/monitor/run/", secure=True, **_token(client))
    finally:
        logging.disable(logging.NOTSET)

    assert wrong == []
    assert told.status_code == 503
    assert "read-only at this moment" in told.content.decode()
    assert "nothing has to be restarted" in told.content.decode()
    assert told.headers["Retry-After"] == "30"
    assert "Traceback" not in told.content.decode()
    again = client.post("/admin/monitor/run/", secure=True, **_token(client))
    assert again.status_code == 302
    assert "login" not in again.headers["Location"]


def _token(client: Client) -> dict[str, Any]:
    token(client)
    return {"data": {"csrfmiddlewaretoken": TOKEN}, "headers": ORIGIN}


def test_a_full_database_refuses_and_goes_on_once_there_is_space(
    transactional_db: None, node: Node, actor: Actor, administrator: Client
) -> None:
    before = own()
    with full():
        with pytest.raises(OperationalError) as error:
            make_many(node, actor)
        assert outage_of(error.value).code == "database.full"  # type: ignore[union-attr]
        in_force = own()
        assert administrator.get("/admin/certificates/certificate/").status_code == 200
        with contextlib.suppress(OperationalError):
            tasks.upkeep()

    assert verify_audit().problem == ""
    assert own() == in_force
    assert make(node, actor) == own() != before
    tasks.upkeep()
    assert Heartbeat.objects.exists()


def test_the_worker_outlives_a_read_only_database(
    transactional_db: None, node: Node, actor: Actor
) -> None:
    """A job stays queued, nothing is lost, and the next round does it."""
    make(node, actor)
    queued = set(Job.objects.filter(state="queued").values_list("pk", flat=True))
    with read_only():
        for task in (tasks.upkeep, tasks.monitor):
            with pytest.raises((OperationalError, InternalError)):
                task()
        with pytest.raises((OperationalError, InternalError)):
            tasks.run(min(queued))
        assert set(Job.objects.filter(state="queued").values_list("pk", flat=True)) == queued

    for pk in queued:
        tasks.run(pk)
    assert not Job.objects.filter(pk__in=queued, state="queued").exists()


def test_a_full_disk_under_the_anchor_loses_no_event(
    transactional_db: None,
    node: Node,
    actor: Actor,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The anchor lags behind, which is told; the next event brings it up."""
    with small_disk(tmp_path / "small", size=64 * KIB) as disk:
        settings.CCXSEC_AUDIT_ANCHOR = disk / "audit.anchor"
        make(node, actor)
        filler = fill(disk)
        made = make(node, actor)
        assert made == own()
        assert "can't be written" in caplog.text
        assert anchor.read() is not None
        filler.unlink()
        make(node, actor)
        held = anchor.read()

        assert held is not None
        assert held.sequence == Event.objects.count()
        assert verify_audit().problem == ""


def test_commands_say_the_same(transactional_db: None, node: Node) -> None:
    with read_only():
        said = Commanding("cert").refused("regen", "tomcat", "--key-length", "2048", "--yes")

    assert "The database can't be used" in said


SAID: list[tuple[BaseException, str]] = [
    (OperationalError("no such table: django_session"), "database.empty"),
    (ProgrammingError('relation "django_session" does not exist'), "database.empty"),
    (OperationalError("attempt to write a readonly database"), "database.read-only"),
    (InternalError("cannot execute INSERT in a read-only transaction"), "database.read-only"),
    (OperationalError("unable to open database file"), "database.read-only"),
    (OperationalError("database or disk is full"), "database.full"),
    (
        OperationalError('could not extend file "base/5/1": No space left on device'),
        "database.full",
    ),
    (OperationalError("database is locked"), "database.busy"),
    (OperationalError("deadlock detected"), "database.busy"),
    (DatabaseError("database disk image is malformed"), "database.broken"),
    (OperationalError("connection to server failed: Connection refused"), "database.away"),
    (OperationalError("server closed the connection unexpectedly"), "database.away"),
    (OSError(errno.ENOSPC, "No space left on device"), "disk.full"),
    (OSError(errno.EROFS, "Read-only file system"), "disk.trouble"),
]
BUGS = [
    IntegrityError("UNIQUE constraint failed"),
    DatabaseError("Forced update did not affect any rows."),
    ProgrammingError("syntax error"),
    OSError(errno.ENOENT, "No such file"),
    ValueError("x"),
    None,
]


@pytest.mark.parametrize(("error", "code"), SAID, ids=[str(error)[:30] for error, _ in SAID])
def test_each_outage_has_its_sentence(error: BaseException, code: str) -> None:
    outage = outage_of(error)

    assert isinstance(outage, Refused)
    assert outage.code == code
    assert str(error) not in outage.sentence  # a page tells nobody where the database is


@pytest.mark.parametrize("error", BUGS, ids=[type(error).__name__ for error in BUGS])
def test_a_bug_is_no_outage(error: BaseException | None) -> None:
    assert outage_of(error) is None
