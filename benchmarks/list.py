"""The Certificate List at a size, against the bare SQL that fetches the same rows.

Every page is asked for as a browser would, through all middleware, by a superuser. The reference
is one SELECT of the columns that the page shows, for the same 25 rows, fetched by a cursor. The
floor is an admin page that lists nothing: what Django, session, sidebar and templates cost anyway.
"""

import re
import sys
from argparse import Namespace
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from benchmarks import rows
from benchmarks.pages import Address, Page, pages
from benchmarks.report import Cell, Table
from benchmarks.timing import Times
from certificates.admin.remembered import forget

ROUNDS = 9
_CHECKBOX = re.compile(r'name="_selected_action" value="(\d+)"')


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page asks of the database; `sql_ms`: its SELECTs alone, replayed and fetched."""

    rows: int
    queries: int
    repeated: int  # of them, asked before in the same words for the same page
    sql_ms: float


def measure(options: Namespace) -> list[Table]:
    print(f"list: making {options.rows:,} certificates ...", file=sys.stderr)
    now = timezone.now()
    rows.fill(options.rows, now)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # autovacuum does it by itself, only later
    client, measured, floor = signed_in(), pages(now, options.rows), Times()
    print(f"list: {len(measured)} pages {ROUNDS} times ...", file=sys.stderr)
    asked = [_asked(client, page) for page in measured]
    floor_asked = _captured(client, reverse("admin:ipsec"), {})[1]
    for _ in range(ROUNDS):
        floor.measure(partial(get, client, reverse("admin:ipsec"), {}))
        for page in measured:
            page.times.measure(partial(get, client, list_url(), page.address))
            page.bare_times.measure(partial(_fetch, *page.bare.query.sql_with_params()))
    title = f"Certificate List, {options.rows:,} certificates, {connection.display_name}"
    lines = [_floor_row(floor, floor_asked)]
    lines += [_row(page, of, floor.median) for page, of in zip(measured, asked, strict=True)]
    return [Table(title, COLUMNS, lines)]


def signed_in() -> Client:
    client = Client(HTTP_HOST="localhost")
    client.force_login(get_user_model().objects.create_superuser("bench", "", None))
    return client


def list_url() -> str:
    return reverse("admin:certificates_certificate_changelist")


def get(client: Client, url: str, address: Address) -> str:
    """The page, made anew: what it costs whose rows have not been asked for before."""
    forget()
    answer = client.get(url, address, secure=True)
    assert answer.status_code == 200, f"{url} {address}: status {answer.status_code}"
    return str(answer.content.decode())


def _fetch(statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _asked(client: Client, page: Page) -> Asked:
    """Also makes sure that the page shows the rows that the bare SQL fetches."""
    text, asked = _captured(client, list_url(), page.address)
    shown = keys_in(text)
    expected = [row[0] for row in page.bare]
    assert shown == expected, f"{page.name}: the page shows {shown}, expected are {expected}"
    return asked


def keys_in(text: str) -> list[int]:
    """Of the rows that a page shows."""
    return [int(pk) for pk in _CHECKBOX.findall(text)]


def _captured(client: Client, url: str, address: Address) -> tuple[str, Asked]:
    """The second answer: the first one warms up, and may write the session."""
    get(client, url, address)
    with CaptureQueriesContext(connection) as captured:
        text = get(client, url, address)
    statements = [query["sql"] for query in captured.captured_queries]
    times = {sql: _replayed(sql) for sql in statements if sql.startswith("SELECT")}
    return text, Asked(
        rows=len(_CHECKBOX.findall(text)),
        queries=len(statements),
        repeated=len(statements) - len(set(statements)),
        sql_ms=sum(times.get(sql, 0.0) for sql in statements),
    )


def _replayed(statement: str) -> float:
    times = Times()
    for _ in range(3):
        times.measure(partial(_fetch, statement))
    return times.least


COLUMNS = (
    "page",
    "rows",
    "median ms",
    "least ms",
    "over floor ms",
    "queries",
    "repeated",
    "SQL ms",
    "bare SQL ms",
    "ratio",
)


def _floor_row(floor: Times, asked: Asked) -> tuple[Cell, ...]:
    cells = floor.median, floor.least, None, asked.queries, asked.repeated, asked.sql_ms
    return "floor: an empty admin page", asked.rows, *cells, None, None


def _row(page: Page, asked: Asked, floor_ms: float) -> tuple[Cell, ...]:
    median, bare = page.times.median, page.bare_times.median
    over_floor = max(median - floor_ms, 0.0)
    cells = median, page.times.least, over_floor, asked.queries, asked.repeated, asked.sql_ms
    return page.name, asked.rows, *cells, bare, median / bare
