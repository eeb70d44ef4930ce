"""Every table of every screen as CSV and JSON: all of it, harmless, and without secrets."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import BinaryField, CharField, TextField
from django.urls import NoReverseMatch, reverse

from ccxsec_project.page_tables import TABLES
from certificates.admin.export import Exported
from certificates.models import Event, Node
from certificates.tables import PIECE, Table, columns
from tests import test_urls
from tests.conftest import HttpsClient
from tests.product import ROOT

pytestmark = pytest.mark.spec("CM-1", "MN-2")
rows = test_urls.rows  # the fixture: something at every address
# Pages in the place of a list; their tables are page tables.
NO_LISTS = {"backupsettings", "restartnotice", "endpoint", "observed"}
# Their tables are part of a question, and gone with its answer.
QUESTIONS = {"admin/certificates/certificate/delete/", "admin/ipsec/policy/delete/"}
MARK = "never-told-at"
TEXTS = {"BinaryField", "CharField", "TextField"}
SECRET = re.compile(r"password|private|secret|sealed|passphrase|token|digest$|^der$|^pem$|key_mark")
A_MOMENT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def lists() -> Iterator[Any]:
    """The screens that are a list, and can be opened."""
    for model, screen in admin.site._registry.items():
        name = model._meta.model_name or ""
        try:
            reverse(f"admin:{model._meta.app_label}_{name}_changelist")
        except NoReverseMatch:
            continue
        if name not in NO_LISTS:
            yield screen


def saved(client: HttpsClient, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return b"".join(response.streaming_content).decode()


def addresses(keys: test_urls.Keys) -> Iterator[tuple[Table, str]]:
    """Each table and its address, before `csv` or `json`."""
    for screen in lists():
        opts = screen.opts
        name = f"admin:{opts.app_label}_{opts.model_name}_export"
        yield screen.exported, reverse(name, args=["csv"]).removesuffix("csv")
    for table in TABLES:
        yield table.table, test_urls.address(f"admin/{table.route}.", keys)


def test_every_list_names_the_columns_of_its_export() -> None:
    lacking = [
        f"{type(screen).__name__}: mix in Exported and set `exported`"
        for screen in lists()
        if not isinstance(screen, Exported) or screen.exported is None
    ]

    assert lacking == []
    assert len(list(lists())) >= 9


@pytest.fixture
def root(db: None) -> HttpsClient:
    """Who may see everything, users and groups, too."""
    return signed_in(User.objects.create_superuser("root"))


def signed_in(user: User) -> HttpsClient:
    client = HttpsClient()
    client.force_login(user)
    return client


def test_every_table_is_written_in_both_formats(rows: test_urls.Keys, root: HttpsClient) -> None:
    names = []

    for table, address in addresses(rows):
        names.append(table.name)
        lines = list(csv.reader(io.StringIO(saved(root, f"{address}csv"), newline="")))
        found = json.loads(saved(root, f"{address}json"))
        expected = [column.name for column in table.columns]
        assert lines[0] == expected
        assert len(lines) == len(found) + 1
        assert all(list(row) == expected for row in found)

    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z-]+", name) for name in names)


def test_no_sealed_column_leaves_in_any_table(rows: test_urls.Keys, root: HttpsClient) -> None:
    """Every binary column, and every column that is called like a secret, holds a mark."""
    marked = 0
    for model in apps.get_models():
        for column in model._meta.concrete_fields:
            value: object = MARK if isinstance(column, CharField | TextField) else MARK.encode()
            if isinstance(column, BinaryField) or (SECRET.search(column.name) and model != User):
                length = getattr(column, "max_length", None) or len(MARK)
                if not column.primary_key and column.get_internal_type() in TEXTS and length > 12:
                    marked += model._default_manager.update(**{column.name: value})
    passwords = User.objects.exclude(password="").values_list("password", flat=True)
    marks = [MARK, *passwords]  # a session ends with its user's password: that one stays

    told = [name for name, text in everything(root, rows) if any(mark in text for mark in marks)]

    assert marked > 10
    assert told == []


def everything(client: HttpsClient, keys: test_urls.Keys) -> Iterator[tuple[str, str]]:
    for table, address in addresses(keys):
        for kind in ("csv", "json"):
            yield f"{table.name}.{kind}", saved(client, f"{address}{kind}")


def test_the_export_is_what_the_list_has_found(node: Node, root: HttpsClient) -> None:
    for action in ("first", "second", "first"):
        Event.objects.create(sequence=Event.objects.count() + 1_000, at=A_MOMENT, action=action)

    found = json.loads(saved(root, "/admin/certificates/event/export.json?action__exact=first"))

    assert [row["action"] for row in found] == ["first", "first"]
    assert found[0]["at"] == "2026-11-24T12:00:00+00:00"


def test_what_the_list_refuses_is_told_by_the_list(node: Node, root: HttpsClient) -> None:
    for screen in lists():
        address = reverse(f"admin:{screen.opts.app_label}_{screen.opts.model_name}_changelist")
        for asked in (
            "field=nothing&op=is+exactly&value=1",
            "state__exact=%27",
            "o=9",
            "nothing=1",
        ):
            answer = root.get(f"{address}export.csv?{asked}")
            assert answer.status_code in (200, 302, 400), (address, asked)
            assert answer.status_code != 302 or answer["Location"] == f"{address}?{asked}"
            assert root.get(f"{address}?{asked}").status_code in (200, 302, 400)


@pytest.mark.parametrize("bad", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a;=1", "\uff1d1"])
def test_no_cell_is_a_formula_and_json_has_the_exact_text(bad: str) -> None:
    table = Table("texts", columns("text", number=lambda row: -1))
    row = type("Row", (), {"text": bad})

    text = b"".join(table.answer([row], "csv").streaming_content).decode()
    found = json.loads(b"".join(table.answer([row], "json").streaming_content))

    assert found == [{"text": bad, "number": -1}]
    for separator in ",;":
        cells = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))[1]
        assert [cell for cell in cells if cell[:1] in tuple("=+@\t\r\uff1d")] == []


def test_rows_are_written_as_they_come() -> None:
    """A million rows take no more memory than a piece of them."""
    taken = []

    def many() -> Iterator[Any]:
        for number in range(100_000):
            taken.append(number)
            yield type("Row", (), {"number": number})

    for kind in ("csv", "json"):
        taken.clear()
        pieces = iter(Table("numbers", columns("number")).answer(many(), kind))
        assert len(next(pieces)) >= PIECE
        assert len(taken) < 20_000


def test_every_table_on_a_page_can_be_saved(rows: test_urls.Keys, root: HttpsClient) -> None:
    """As many links as tables; tables of facts about one thing, and questions, have none."""
    lacking = []
    for route, method in test_urls.expected():
        if method == "GET" and "<table:kind>" not in route and route not in QUESTIONS:
            response = root.get(test_urls.address(route, rows))
            html = "" if response.streaming else response.content.decode(errors="replace")
            tables = re.findall(r"<table(?![^>]*(?:facts|compare|requests))", html)
            if len(tables) > html.count('class="exports"'):
                lacking.append(route)

    assert lacking == []


def test_the_page_lists_every_table_with_its_columns() -> None:
    page = (ROOT / "docs" / "tables.md").read_text()
    listed = {
        line.split("|")[1].strip(): line.split("|")[3].strip()
        for line in page.splitlines()
        if line.startswith("| `")
    }
    tables = [screen.exported for screen in lists()] + [table.table for table in TABLES]

    assert listed == {
        f"`{table.name}`": ", ".join(f"`{column.name}`" for column in table.columns)
        for table in tables
    }
