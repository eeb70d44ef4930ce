"""Hostile names in mail, calendar, syslog, webhook and page: inert, and no other is held up."""

import csv
import io
import json
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certificates.expiry.calendar import calendar_of
from certificates.expiry.digest import Found, digest_of
from certificates.expiry.line import line_of
from certificates.expiry.mail import digest_message
from certificates.expiry.payload import digest_payload
from certificates.models import MonitorSettings, Node
from certificates.operations.monitoring import run_monitor
from tests.conftest import NOW
from tests.databases import on_postgresql
from tests.monitor.certificates import trusted
from tests.monitor.mail_server import Script

pytestmark = pytest.mark.spec("MO-2")
DAY = timedelta(days=1)
NAMES = [
    "a\r\nBcc: evil@example.com",
    "a\x0bBcc: evil@example.com",
    "a\x0cb\x1cc\x1dd\x1ee\x85f\u2028g",
    "\u202egpj.exe",
    "=HYPERLINK(1)",
    "<script>alert(1)</script>",
    '"]\\ quoted',
    "\udc80 lone",
    "\x00",
    "x" * 255,
    "é" * 255,
    "BEGIN:VEVENT\r\nEND:VEVENT",
    "",
]

# What the database itself refuses to store.
UNSTORED = {"\udc80", "\x00"} if on_postgresql() else {"\udc80"}
HEADERS = ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID"]
HEADERS += ["Subject", "To"]


def found(name: str, number: int = 0) -> Found:
    end = NOW + timedelta(days=1, seconds=number)
    return Found(name, f"{name[:40]}.pem", "tomcat-trust", "trust-cert", name, end, "f" * 64)


def every() -> list[Found]:
    return [found(name, number) for number, name in enumerate(NAMES)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", [name for name in NAMES if not UNSTORED & {*name}])
def test_each_arrives_with_its_neighbour_and_adds_no_header(
    monitored: MonitorSettings, script: Script, node: Node, name: str
) -> None:
    trusted(node, [NOW + DAY], common_name=name, file_name=f"{name[:100]}.pem")
    trusted(node, [NOW + 2 * DAY], common_name="neighbour")
    Node.objects.filter(pk=node.pk).update(host_name=name[:253] or "n")

    run_monitor(now=NOW)

    message = script.messages[0]
    assert sorted(message.keys()) == HEADERS
    assert not message.defects
    assert script.taken[0].rcpt_tos == ["ops@example.com"]
    assert max(map(len, bytes(script.taken[0].original_content or b"").split(b"\r\n"))) < 999
    assert "neighbour" in text(message, "plain")
    assert "<script>" not in text(message, "html")
    assert str(message["Subject"]).isprintable()


def text(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))  # type: ignore[arg-type] # plain or html
    assert body
    return str(body.get_content())


def test_the_table_runs_in_no_spreadsheet() -> None:
    many = [found(name, number) for number, name in enumerate(NAMES * 5)]
    table = digest_of(many, at=NOW, base="https://x/").table

    rows = list(csv.reader(io.StringIO(table)))
    assert len(rows) == len(many) + 1
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t")]


def test_a_syslog_line_stays_one_and_its_values_stay_in_their_quotes() -> None:
    for one in every():
        line = line_of(one, NOW)
        assert line.isprintable()
        assert line.replace('\\"', "").count('"') == 18
        assert ' unit="tomcat-trust" type="trust-cert" ' in line


def test_the_webhook_gets_plain_json() -> None:
    body = json.loads(digest_payload(digest_of(every(), at=NOW, base="b"), message_id="<1@x>"))

    assert body["total"] == len(NAMES)
    assert all(str(one["common_name"]).isprintable() for one in body["certificates"])


@pytest.mark.spec("MO-1")
def test_the_calendar_holds_as_many_events_as_there_are_certificates() -> None:
    feed = calendar_of(every(), at=NOW, start=30 * DAY, host="ccx1.example.com").decode()

    lines = feed.split("\r\n")
    assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == len(NAMES)
    assert lines.count("TRIGGER:-P30D") == len(NAMES)
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    assert max(len(line.encode()) for line in lines) <= 75
    unfolded = feed.replace("\r\n ", "").split("\r\n")
    identifiers = [line for line in unfolded if line.startswith("UID:")]
    assert len(set(identifiers)) == len(NAMES)
    again = calendar_of(every(), at=NOW + DAY, start=30 * DAY, host="ccx1.example.com").decode()
    assert [
        line for line in again.replace("\r\n ", "").split("\r\n") if "UID:" in line
    ] == identifiers


@given(st.lists(st.text(st.characters()), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_whatever_the_names_are_a_message_can_be_made(names: list[str]) -> None:
    some = [found(name, number) for number, name in enumerate(names)]

    made = digest_message(
        digest_of(some, at=NOW, base="https://x/"),
        message_id="<1@x>",
        sender="a@example.com",
        recipients=["b@example.com"],
    )

    assert sorted(message_from_bytes(made, policy=default).keys()) == HEADERS
    assert max(map(len, made.split(b"\r\n"))) < 999
