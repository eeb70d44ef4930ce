"""A remembered page says what a new one would: after every change, to each user, at any moment."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import OperationalError, connection
from django.utils import timezone

from certificates.access import Actor
from certificates.admin import remembered
from certificates.admin.remembered import Fetched, Reads, forget
from certificates.cells import changes_at, expiry
from certificates.models import (
    BackupReminder,
    Certificate,
    Endpoint,
    Node,
    Observed,
    Purpose,
    RestartNotice,
)
from certificates.operations.request import request_certificate
from certificates.outages import outage_of
from certificates.x509.facts import read_facts
from certificates.x509.policy import KeyChoice
from tests.certificates.test_list import LIST, trusted
from tests.conftest import HttpsClient
from tests.databases import on_postgresql
from tests.test_urls import policy

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
HOUR, DAY, INSTANT = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)


def page(client: HttpsClient, query: str = "") -> str:
    """Without the CSRF token, which is another one in each answer."""
    return TOKEN.sub("", client.get(LIST + query).content.decode())


def new_page(client: HttpsClient, query: str = "") -> str:
    forget()
    return page(client, query)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Reads]:
    """What the pages have read that were made, and not remembered."""
    reads: list[Reads] = []
    taken_down = Reads.taken_down

    def noted(of: Reads) -> Any:
        reads.append(of)
        return taken_down(of)

    monkeypatch.setattr(Reads, "taken_down", noted)
    return reads


@pytest.mark.parametrize("query", ["", "?field=common_name&op=contains&value=a", "?o=-8"])
def test_an_unchanged_list_is_made_once(
    administrator: HttpsClient, node: Node, made: list[Reads], query: str
) -> None:
    first = page(administrator, query)

    assert page(administrator, query) == first
    assert len(made) == 1
    assert new_page(administrator, query) == first


def _written(table: str, change: str) -> Callable[[Node], None]:
    """As another process does it: nothing of Django hears of it, and no event is recorded."""

    def write(_: Node) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {change}")

    return write


def _newer_namesake(_: Node) -> None:
    """Behind the first page, of whose rows none changes."""
    row = Certificate.objects.get(common_name="first00")
    values = {f.attname: getattr(row, f.attname) for f in Certificate._meta.concrete_fields}
    changed = {"id": None, "fingerprint": "f" * 64, "common_name": "zzz"}
    later = {"not_before": row.not_before + DAY} if row.not_before else {}
    Certificate.objects.bulk_create([Certificate(**values | changed | later)])


def _observe(node: Node) -> None:
    endpoint = Endpoint.objects.create(node=node, port=9, added_by="test")
    facts = read_facts(bytes(Certificate.objects.trust()[0].der))
    Observed.objects.create_from(endpoint, facts, is_leaf=True, now=timezone.now())


def _request(node: Node) -> None:
    by, now = Actor("test"), timezone.now()
    request_certificate(node, Purpose.TOMCAT, key=KeyChoice.RSA_2048, actor=by, now=now)


def _take(*names: str) -> Callable[[Node], None]:
    def take(_: Node) -> None:
        group = Group.objects.get(name="Security administrator")
        group.permissions.remove(*Permission.objects.filter(codename__in=names))

    return take


CHANGES: dict[str, Callable[[Node], object]] = {
    "a certificate more": lambda node: trusted(node, "newcomer"),
    "a certificate less": lambda _: Certificate.objects.get(common_name="first00").delete(),
    "a newer one of the same name": _newer_namesake,
    "a description": _written("certificates_certificate", "description = 'other'"),
    "an expiration": lambda _: Certificate.objects.update(not_after=timezone.now() + 3 * DAY),
    "the name of a node": _written("certificates_node", "host_name = 'renamed.example.com'"),
    "another node": lambda _: Node.objects.create(host_name="added.example.com"),
    "a restart that was done": lambda _: RestartNotice.objects.update(closed_at=timezone.now()),
    "a backup that was made": lambda _: BackupReminder.objects.update(closed_at=timezone.now()),
    "the reason for a backup": _written("certificates_backupreminder", "reason = 'other'"),
    "the alarm of a host key": _written("certificates_node", "host_key_alarm = 'SHA256:other'"),
    "a policy on trial": lambda _: type(policy()).objects.update(trial_until=timezone.now() + HOUR),
    "a request that waits": _request,
    "something observed": _observe,
    "the user's name": _written("auth_user", "first_name = 'Renamed'"),
    "a right more": _written("auth_user", "is_superuser = NOT is_superuser"),
    "the right to generate": _take("generate_certificate"),
    "the right to see nodes": _take("view_node"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen_at_the_next_request(
    as_role: Callable[..., HttpsClient], node: Node, change: str
) -> None:
    first = trusted(node, "first00")
    others = [
        Certificate(
            **{f.attname: getattr(first, f.attname) for f in Certificate._meta.concrete_fields}
            | {"id": None, "fingerprint": f"{number:064x}", "common_name": f"first{number:02}"}
            | {"subject_digest": f"{number:064x}"}
        )
        for number in range(1, 30)
    ]
    Certificate.objects.bulk_create(others)
    due = {"node": node, "service": "tomcat", "reason": "It is due.", "opened_at": timezone.now()}
    RestartNotice.objects.create(**due)
    BackupReminder.objects.create(reason="It is due.", opened_at=timezone.now())
    client = as_role("Security administrator")
    before = page(client)
    assert page(client) == before

    CHANGES[change](node)

    after = page(client)
    assert after != before
    assert after == new_page(client)


def test_a_change_and_the_way_back_are_both_seen(administrator: HttpsClient, node: Node) -> None:
    before = page(administrator)
    _written("certificates_node", "host_name = 'renamed.example.com'")(node)

    assert "renamed.example.com" in page(administrator)
    _written("certificates_node", f"host_name = '{node.host_name}'")(node)
    assert page(administrator) == before


def test_each_user_has_a_page_of_his_own(as_role: Callable[..., HttpsClient], node: Node) -> None:
    operator, auditor = as_role("Operator"), as_role("Auditor")
    shown = [page(client) for client in (operator, auditor, operator, auditor)]

    assert ["Generate Self-signed" in one for one in shown[:2]] == [True, False]
    assert ["<strong>Operator</strong>" in one for one in shown[:2]] == [True, False]
    assert shown[2:] == shown[:2]


def test_who_may_not_see_it_or_has_signed_out_is_not_shown_it(
    administrator: HttpsClient, as_role: Callable[..., HttpsClient], node: Node
) -> None:
    page(administrator)
    assert as_role("staff").get(LIST).status_code == 403

    _take("view_certificate")(node)
    assert administrator.get(LIST).status_code == 403
    administrator.logout()
    assert administrator.get(LIST).status_code == 302


def test_every_answer_has_a_token_that_counts(
    as_role: Callable[..., HttpsClient], node: Node, made: list[Reads]
) -> None:
    client = as_role("Security administrator", enforce_csrf_checks=True)
    shown = [client.get(LIST) for _ in range(3)]
    tokens = [set(TOKEN.findall(one.content.decode())) for one in shown]

    assert len(made) == 1
    assert len(set.union(*tokens)) == 3, "another one in each answer, the same in all its forms"
    assert remembered.TOKEN not in shown[0].content.decode() + shown[1].content.decode()
    data = {"csrfmiddlewaretoken": tokens[2].pop(), "action": "", "index": "0"}
    headers = {"Referer": "https://testserver/"}
    assert client.post(LIST, data, headers=headers).status_code == 302
    assert client.post(LIST, data | {"csrfmiddlewaretoken": "a" * 64}).status_code == 403
    assert shown[2].headers["Cache-Control"] == "no-store"


def test_a_message_is_shown_once(administrator: HttpsClient, node: Node) -> None:
    plain = page(administrator)
    administrator.post(LIST, {"action": "download_pem", "index": "0"})

    assert "messagelist" in page(administrator)
    assert page(administrator) == plain


def test_the_clock_alone_changes_the_page(
    administrator: HttpsClient, node: Node, monkeypatch: pytest.MonkeyPatch, made: list[Reads]
) -> None:
    first = trusted(node, "first", days=10).not_after
    assert first is not None
    moments = [first - 8 * DAY, first - 7 * DAY, first - DAY, first - HOUR, first, first + HOUR]
    administrator.get(LIST)
    for moment in moments:
        for shift in (-INSTANT, timedelta(0), INSTANT, timedelta(minutes=1)):
            monkeypatch.setattr(timezone, "now", lambda at=moment + shift: at)
            User.objects.update(last_login=moment)
            old = page(administrator)
            assert old == new_page(administrator), f"{shift} from {moment}"

    again = len(made)
    page(administrator)
    assert len(made) == again, "nothing reads otherwise by now"
    monkeypatch.setattr(timezone, "now", lambda: moments[0])  # a clock that was set back
    assert page(administrator) == new_page(administrator)


@pytest.mark.parametrize("query", ["?expiry=7", "?field=expiration&op=before&value=2026-01-01"])
def test_what_asks_the_database_by_the_clock_is_not_remembered(
    administrator: HttpsClient, node: Node, made: list[Reads], query: str
) -> None:
    page(administrator, query)
    page(administrator, query)

    assert len(made) == 2
    assert not made[0].can_be_repeated


def test_as_many_are_kept_as_there_is_room_for(
    administrator: HttpsClient, node: Node, monkeypatch: pytest.MonkeyPatch, made: list[Reads]
) -> None:
    monkeypatch.setattr(remembered, "PAGES", 2)
    for order in ("1", "2", "3", "2", "1"):
        page(administrator, f"?o={order}")

    assert len(made) == 4, "the one that was not asked for longest is forgotten"


def test_a_large_page_is_not_kept(
    administrator: HttpsClient, node: Node, monkeypatch: pytest.MonkeyPatch, made: list[Reads]
) -> None:
    size = len(administrator.get(LIST).content)
    for most, count in ((size // 2, 2), (size, 1)):
        monkeypatch.setattr(remembered, "MOST_BYTES", most)
        forget()
        made.clear()
        page(administrator)
        page(administrator)
        assert len(made) == count


def test_who_asks_while_another_makes_it_waits_for_that_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done, entered = [], Event()
    memory = remembered._Memory()

    def ask(number: int) -> None:
        with memory.one_at_a_time("page"):
            entered.set()
            if number == 0:
                time.sleep(0.1)
            done.append(number)

    first = Thread(target=ask, args=[0])
    first.start()
    entered.wait()
    ask(1)
    assert done == [0, 1]
    monkeypatch.setattr(remembered, "PATIENCE", 0.01)
    with memory.one_at_a_time("page"):
        other = Thread(target=ask, args=[2])
        other.start()
        other.join(timeout=5)
    assert done == [0, 1, 2], "not for ever"
    first.join()


def test_long_reads_and_changes_are_not_kept(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST_ROWS", 2)
    for count, can_be_repeated in ((2, True), (3, False)):
        reads = Reads()
        with reads.taken_down():
            Certificate.objects.values_list("pk", flat=True)[:count].count()
            list(Certificate.objects.values_list("pk", flat=True)[: count - 1])
        assert reads.can_be_repeated is can_be_repeated
    reads = Reads()
    with reads.taken_down():
        Node.objects.update(description="changed")
    assert not reads.can_be_repeated


def test_rows_that_are_taken_down_reach_whoever_asked(node: Node) -> None:
    names = list(Certificate.objects.order_by("pk").values_list("file_name", flat=True))
    with Reads().taken_down(), connection.cursor() as cursor:
        asked = "SELECT file_name FROM certificates_certificate ORDER BY id"
        cursor.execute(asked)
        assert isinstance(cursor.cursor, Fetched)
        shown = [cursor.fetchone(), *cursor.fetchmany(1), *cursor.fetchall()]
        assert cursor.fetchone() is None
        cursor.execute(asked)
        assert [name for (name,) in cursor] == names
        in_parts = list(Certificate.objects.order_by("pk").iterator(chunk_size=1))
    assert [name for (name,) in shown] == names
    assert [row.file_name for row in in_parts] == names


def test_an_error_while_rows_are_read_is_one_of_the_database(db: None) -> None:
    """Else it would be answered as a bug, and not as the outage that it is."""

    class Damaged:
        description = ("a column",)

        def fetchall(self) -> list[Any]:
            raise connection.Database.OperationalError("database disk image is malformed")

    wrapper = SimpleNamespace(cursor=Damaged())
    with pytest.raises(OperationalError, match="malformed") as raised:
        Reads()._execute(lambda *_: None, "SELECT 1", (), False, {"cursor": wrapper})

    refused = outage_of(raised.value)
    assert refused
    assert refused.code == "database.broken"


@pytest.mark.skipif(not on_postgresql(), reason="plans are kept by PostgreSQL alone")
@pytest.mark.django_db(transaction=True)
def test_a_column_that_an_upgrade_changes_meanwhile_is_no_error(
    administrator: HttpsClient, node: Node
) -> None:
    first = page(administrator)
    assert page(administrator) == first
    process = connection.copy()

    def change(kind: str) -> None:
        with process.cursor() as cursor:
            cursor.execute(
                f"ALTER TABLE {Certificate._meta.db_table} ALTER common_name TYPE {kind}"
            )

    try:
        change("varchar(999)")
        pages = [page(administrator) for _ in range(2)]
    finally:
        change("text")
        process.close()

    assert pages == [first, first]


@pytest.mark.parametrize(
    "left", [-50 * HOUR, -24 * HOUR, -HOUR, 0 * HOUR, HOUR, 30 * HOUR, 7 * DAY]
)
def test_an_expiry_reads_the_same_until_it_changes(left: timedelta) -> None:
    for shift in (-INSTANT, timedelta(0), INSTANT, timedelta(minutes=17)):
        now = timezone.now()
        not_after = now + left + shift
        ends = changes_at(not_after, now)

        assert now <= ends <= now + DAY
        if ends > now:
            assert expiry(not_after, ends - INSTANT) == expiry(not_after, now)
            assert expiry(not_after, ends + INSTANT) != expiry(not_after, now)
    assert expiry(None, now) == expiry(None, changes_at(None, now))
