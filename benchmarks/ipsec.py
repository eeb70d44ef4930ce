"""IPsec policies: applied, found applied, shown; against bare vici and the Certificate List.

Each policy is of another pair of hosts, so that each is one connection with one key. The reference
of a first apply is a loop over one session that sends the very same messages, `load-shared` and
`load-conn`, to a daemon that is as new. Both start a negotiation for each, with peers that are not
there. The reference of an apply that finds everything in force is one `list-conns`.
"""

import sys
import time
from argparse import Namespace
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from unittest import mock

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from benchmarks import ike_daemon, rows
from benchmarks.report import Cell, Table
from benchmarks.timing import Times
from certificates.access import Actor
from certificates.admin.remembered import forget
from certificates.models import Secret
from ipsec.models import Policy, key_secret
from ipsec.operations import apply, standings
from ipsec.operations.wanted import Intent, intent
from ipsec.policy.definition import Definition
from ipsec.strongswan import Daemon

POLICIES, LISTED, ROUNDS, LOOKS = 1_000, 10_000, 3, 7
KEY, ACTOR = "a-key-of-the-bench", Actor("benchmark")
PATTERN = Definition(
    group="bench", name="p", source_address=ike_daemon.SOURCE, destination_address="10.1.0.0"
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Times in milliseconds; `queries`, `sessions`: of one status of all policies."""

    bare: Times = field(default_factory=Times)
    applied: Times = field(default_factory=Times)
    listed: Times = field(default_factory=Times)
    unchanged: Times = field(default_factory=Times)
    status: Times = field(default_factory=Times)


def measure(options: Namespace) -> list[Table]:
    print(f"ipsec: making {POLICIES:,} policies ...", file=sys.stderr)
    fill(range(POLICIES))
    try:
        with ike_daemon.own_network():
            tables = [_of_the_daemon()]
    except ike_daemon.Missing as missing:
        print(f"ipsec: no daemon: {missing}", file=sys.stderr)
        tables = []
    fill(range(POLICIES, LISTED))
    return [*tables, *_of_the_list()]


def fill(numbers: Iterable[int]) -> None:
    """Enabled policies with sealed keys, as the operations leave them."""
    made = []
    for number in numbers:
        row = Policy(is_enabled=True, key_mark=f"{number:016x}", changed_by=str(ACTOR))
        there = f"10.{1 + number // 65_536}.{number // 256 % 256}.{number % 256}"
        row.define(replace(PATTERN, name=f"p-{number}", destination_address=there))
        made.append(row)
    with transaction.atomic():
        for row in Policy.objects.bulk_create(made, batch_size=500):
            Secret.objects.keep(key_secret(row.pk), KEY.encode())


def _of_the_daemon() -> Table:
    measured, intended = Measured(), intent()
    for number in range(ROUNDS):
        print(f"ipsec: round {number + 1} of {ROUNDS} ...", file=sys.stderr)
        with ike_daemon.running() as path:
            measured.bare.measure(partial(_load_bare, path, intended))
        with ike_daemon.running() as path, _product_at(path):
            applied = measured.applied.measure(partial(apply, actor=ACTOR))
            if len(applied.loaded) != POLICIES or applied.troubles:
                raise RuntimeError(str(applied))
            _wait_for_peace(path)
            for _ in range(LOOKS):
                measured.listed.measure(partial(_list_bare, path))
                again = measured.unchanged.measure(partial(apply, actor=ACTOR))
                if again.loaded or again.terminated or again.installed:
                    raise RuntimeError(str(again))
            queries, sessions = _status(measured.status)
    return _table(measured, queries, sessions)


def _load_bare(path: str, intended: Intent) -> None:
    with ike_daemon.session(path) as session:
        for one in intended.wanted.values():
            made = one.connection
            shared = {"id": made.name, "type": "IKE", "data": KEY, "owners": [*made.owners]}
            session.load_shared(shared)
            session.load_conn({made.name: made.body})


def _list_bare(path: str) -> int:
    with ike_daemon.session(path) as session:
        return len(list(session.list_conns()))


def _wait_for_peace(path: str) -> None:
    """Until no negotiation with a peer that is not there is under way."""
    deadline = time.monotonic() + 120
    with ike_daemon.session(path) as session:
        while list(session.list_sas()):
            if time.monotonic() > deadline:
                raise RuntimeError("the negotiations don't end")
            time.sleep(0.5)


@contextmanager
def _product_at(path: str) -> Any:
    former, settings.CCXSEC_IPSEC_SOCKET = settings.CCXSEC_IPSEC_SOCKET, path
    try:
        yield
    finally:
        settings.CCXSEC_IPSEC_SOCKET = former


def _status(times: Times) -> tuple[int, int]:
    """Queries and sessions with the daemon of one status of all."""
    listed = list(Policy.objects.in_list_order())
    for _ in range(LOOKS):
        found = times.measure(partial(standings, listed))
        if len(found) != len(listed):
            raise RuntimeError(f"{len(found)} of {len(listed)} policies stand somewhere")
    with (
        CaptureQueriesContext(connection) as captured,
        mock.patch.object(Daemon, "open", wraps=Daemon.open) as opened,
    ):
        standings(listed)
    return len(captured), opened.call_count


def _table(measured: Measured, queries: int, sessions: int) -> Table:
    lines: list[tuple[Cell, ...]] = []
    for work, times, bare in (
        ("bare load-shared and load-conn", measured.bare, measured.bare),
        ("apply of new policies", measured.applied, measured.bare),
        ("bare list-conns", measured.listed, measured.listed),
        ("apply of nothing new", measured.unchanged, measured.listed),
        (f"status: {queries} queries, {sessions} session", measured.status, measured.listed),
    ):
        beyond = max(times.median - bare.median, 0.0)
        lines.append((work, times.median, times.least, beyond, times.median / bare.median))
    title = f"{POLICIES:,} IPsec policies, {connection.display_name}"
    return Table(title, ("work", "median ms", "least ms", "beyond bare ms", "times bare"), lines)


def _of_the_list() -> list[Table]:
    """The first page of the two lists, with as many rows in each; without a daemon."""
    try:
        policies = reverse("admin:ipsec_policy_changelist")
    except NoReverseMatch:
        return []
    rows.fill(LISTED, timezone.now())
    client = Client(HTTP_HOST="localhost")
    client.force_login(get_user_model().objects.create_superuser("bench-ipsec", "", None))
    certificates = reverse("admin:certificates_certificate_changelist")
    times = {policies: Times(), certificates: Times()}
    for url in times:  # the first answer warms up, and may write the session
        _get(client, url)
    for _ in range(LOOKS):
        for url, each in times.items():
            each.measure(partial(_get, client, url))
    reference = times[certificates].median
    lines: list[tuple[Cell, ...]] = [
        (name, times[url].median, times[url].least, _queries(client, url), ratio)
        for name, url in (("certificates", certificates), ("policies", policies))
        for ratio in [times[url].median / reference]
    ]
    title = f"First page of {LISTED:,} rows, {connection.display_name}"
    columns = ("list", "median ms", "least ms", "queries", "times the certificates'")
    return [Table(title, columns, lines)]


def _get(client: Client, url: str) -> None:
    forget()
    answer = client.get(url, secure=True)
    if answer.status_code != 200:
        raise RuntimeError(f"{url}: status {answer.status_code}")


def _queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        _get(client, url)
    return len(captured)
