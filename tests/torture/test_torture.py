"""A short torture run, and that its verdict would have said so (docs/reliability.md)."""

import os
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from certificates.models import Action, Certificate, Event, Message
from tests.reliability.planting import own
from tests.torture import verdict
from tests.torture.browser import Answer, Forms
from tests.torture.ledger import Ledger
from tests.torture.run import torture

SECONDS = float(os.environ.get("TORTURE_SECONDS", "0"))


@pytest.mark.spec("MN-4")
@pytest.mark.skipif(not SECONDS, reason="./ccxsec torture does it; here with TORTURE_SECONDS=8")
def test_nothing_is_wrong_after_processes_were_killed_under_traffic() -> None:
    """On SQLite; `./ccxsec torture` does it for minutes, and kills PostgreSQL, too."""
    result = torture(seconds=SECONDS, seed=1, sqlite=True, clients=3, quiet=0)

    assert result.violations == []
    assert sum(result.killed.values()) > 0
    assert sum(sum(outcomes.values()) for outcomes in result.answers.values()) > 0


def test_a_verdict_compares_answers_with_the_database(
    node: object, tomcat: Certificate, tmp_path: Path
) -> None:
    """The control: each kind of lie is named."""
    ledger = Ledger()
    ledger.note("generate", tomcat.common_name, "done")
    ledger.note("generate", "gone.example.com", "done")
    ledger.note("generate", "never.example.com", "refused")
    ledger.note("generate", tomcat.common_name, "refused")
    ledger.note("generate", "cut.example.com", "unknown")
    ledger.note("delete", "0" * 64, "done")
    ledger.note("policy", "p1", "done")
    ledger.note("look", "/admin/", "error", "500")
    ledger.write(tmp_path / "ledger.json")

    said = list(verdict._answers(tmp_path / "ledger.json"))

    assert [line.split(" (")[0] for line in said] == [
        "error: look /admin/: 500",
        "lost: generate gone.example.com was answered as done",
        f"done all the same: generate {tomcat.common_name} was refused",
        "lost: policy p1 was answered as done",
    ]


@pytest.mark.django_db
def test_a_verdict_compares_mails_with_messages() -> None:
    for identifier, state in (("<1>", "sent"), ("<2>", "sent"), ("<3>", "not sent")):
        Message.objects.create(
            channel="email", identifier=identifier, state=state, at=timezone.now()
        )

    said = list(verdict._mails(["<1>", "<1>", "<3>", "<4>", "<1>"]))

    assert said == [
        "mail: <3> arrived, and is not sent",
        "mail: <4> arrived, and is not there",
        "mail: <2> counts as sent, and never arrived",
        "mail: <1> arrived 3 times",
    ]


def test_an_export_that_is_told_is_on_the_server(node: object, tmp_path: Path) -> None:
    name = "ccxsec.tomcat.0b54a1c6-8f2e-4d63-9a51-6d0c1c1f7a01.000004.tar.gz"
    with transaction.atomic():
        Event.objects.record("test", Action.EXCHANGE_EXPORT, own(), file=name, count=1)

    assert list(verdict._exports(tmp_path)) == [
        f"export: {name} of tomcat is told, and not on the server"
    ]
    (tmp_path / name.replace("000004", "000005")).write_bytes(b"")
    assert list(verdict._exports(tmp_path)) == []


@pytest.mark.parametrize(
    ("status", "location", "outcome"),
    [
        (302, "/admin/?", "done"),
        (302, "/admin/login/?next=/", "refused"),
        (422, "?", "refused"),
        (400, "?", "refused"),
        (503, "?", "unknown"),
        (500, "?", "error"),
        (502, "?", "error"),
    ],
)
def test_an_answer_says_what_was_done(status: int, location: str, outcome: str) -> None:
    assert Answer(status, location, "").outcome == outcome


def test_forms_are_read_as_a_browser_reads_them() -> None:
    page = (
        '<form action="/a/"><input name="x" value="1"><input type="checkbox" name="no">'
        '<input type="checkbox" name="yes" checked><select name="s"><option value="1">'
        '<option value="2" selected></select><textarea name="t">text</textarea></form>'
    )

    assert Forms(page).with_field("x") == {"x": "1", "yes": "on", "s": "2", "t": "text"}
    assert Forms(page).with_field("other") is None
