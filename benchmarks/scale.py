"""`./ccxsec bench-scale`: the Certificate List, and all that is beside it, at a million rows.

Each page of ours stands beside the bare SELECT of the same rows, and beside the page that Django's
own ModelAdmin makes of them. The floor is this list when it finds nothing.
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.apart import measure_apart
from benchmarks.report import Cell, Table
from benchmarks.timing import Times

COLUMNS = (
    "page",
    "rows",
    "bare SQL, least",
    "bare CPU",
    "ours, least",
    "ours CPU",
    "target CPU",
    "stock",
)
TIMES_BARE, MOST_MS = 3, 300


@dataclass(frozen=True, slots=True)
class Both:
    """The same work by the clock, and by the time of the processor that it took."""

    wall: Times = field(default_factory=Times)
    cpu: Times = field(default_factory=Times)

    def measure(self, work: Callable[[], object]) -> None:
        began = processor_ms()
        self.wall.measure(work)
        self.cpu.values.append(processor_ms() - began)


def main() -> int:
    parser = ArgumentParser(prog="./ccxsec bench-scale", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N", help="in the list")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each page")
    parser.add_argument("--stock-limit", type=float, default=10, metavar="SECONDS")
    parser.add_argument(
        "--on", default="sqlite,postgresql", metavar="KINDS", help="default: sqlite,postgresql"
    )
    parser.add_argument(
        "--database", default="", metavar="URL", help="a PostgreSQL server; default: one is started"
    )
    options = parser.parse_args()
    for kind in options.on.split(","):
        with ExitStack() as stack:
            url = _server(stack, options.database) if kind == "postgresql" else ""
            given = {**vars(options), "database": url}
            for table in measure_apart("scale", Namespace(**given)):
                print(table.as_text())
    return 0


def _server(stack: ExitStack, url: str) -> str:
    """Imported only here: it is a part of the tests."""
    from tests.lab.postgres import throw_away_postgres  # noqa: PLC0415 - see above

    return url or stack.enter_context(throw_away_postgres())


def measure(options: Namespace) -> list[Table]:
    """In a process and an installation of its own."""
    from django.utils import timezone  # noqa: PLC0415 - the settings come first

    from benchmarks import million  # noqa: PLC0415 - the settings come first

    print(f"scale: making {options.rows:,} certificates ...", file=sys.stderr)
    now, made = timezone.now(), Times()
    made.measure(partial(million.fill, options.rows, now))
    print(f"scale: made in {made.median / 1000:.0f} s; measuring ...", file=sys.stderr)
    return tables(options)


def tables(options: Namespace) -> list[Table]:
    """Of the rows that are there."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415 - the settings come first
    from django.db import connection  # noqa: PLC0415 - the settings come first
    from django.utils import timezone  # noqa: PLC0415 - the settings come first

    from benchmarks.list import get, keys_in, list_url, signed_in  # noqa: PLC0415 - see above
    from benchmarks.scale_pages import cases  # noqa: PLC0415 - see above
    from benchmarks.stock import time_of  # noqa: PLC0415 - see above

    client, floor = signed_in(), Both()
    user = get_user_model().objects.get()
    nothing = {"field": "fingerprint", "op": "is exactly", "value": "0" * 64}
    rows: list[tuple[Cell, ...]] = []
    for _ in range(options.rounds * 2):
        floor.measure(partial(get, client, list_url(), nothing))
    print(f"scale: the floor is {floor.cpu.median:.0f} ms", file=sys.stderr)
    for case in cases(timezone.now(), options.rows):
        print(f"scale: {case.name} ...", file=sys.stderr)
        expected = case.expected
        shown = keys_in(get(client, list_url(), case.address))
        assert shown == expected, f"{case.name}: shown {shown[:3]}, expected {expected[:3]}"
        bare, ours = Both(), Both()
        for _ in range(options.rounds):
            bare.measure(partial(list, case.bare.all()))
            ours.measure(partial(get, client, list_url(), case.address))
        target = min(TIMES_BARE * bare.cpu.median + floor.cpu.median, MOST_MS)
        stock = time_of(case.stock, user, options.stock_limit)
        cells = (bare.wall.least, bare.cpu.median, ours.wall.least, ours.cpu.median, target, stock)
        rows.append((case.name, len(expected), *cells))
    title = f"{connection.display_name}, {options.rows:,} certificates, ms; floor: CPU"
    title += f" {floor.cpu.median:.1f}, least {floor.wall.least:.1f};"
    title += f" {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    return [Table(title, COLUMNS, rows), _beside(client, options)]


def processor_ms() -> float:
    """Of this process and its database connection: what other work on the machine leaves alone."""
    from django.db import connection  # noqa: PLC0415 - the settings come first

    own, server = time.process_time() * 1000, 0.0
    if connection.vendor == "postgresql":
        process = connection.connection.info.backend_pid
        server = int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e6
    return own + server


def _beside(client: Any, options: Namespace) -> Table:
    """Other screens at that size, and actions on all rows that the list has."""
    from django.db import connection  # noqa: PLC0415 - the settings come first
    from django.urls import reverse  # noqa: PLC0415 - the settings come first

    from benchmarks.list import get, list_url  # noqa: PLC0415 - see above
    from certificates.models import Node  # noqa: PLC0415 - the settings come first

    node = Node.objects.local()
    nodes = [str(pk) for pk in Node.objects.values_list("pk", flat=True)[:2]]
    compared = {"store": "tomcat-trust", "nodes": nodes}
    screens: list[tuple[str, str, dict[str, Any]]] = [
        ("a page without a list", "admin:ipsec_policy_changelist", {}),
        ("dashboard", "admin:index", {}),
        ("Certificate Monitor", "admin:monitor", {}),
        ("nodes", "admin:certificates_node_changelist", {}),
        ("Compare trust stores", "admin:certificates_trust_stores", compared),
    ]
    asked = [(name, partial(get, client, reverse(url), given)) for name, url, given in screens]
    page = reverse("admin:certificates_node_page", args=[node.pk])
    asked.append(("page of a node", partial(get, client, page, {})))
    for action in ("download_pem", "delete_trusted"):
        form = {"action": action, "select_across": "1", "_selected_action": "1"}
        act = partial(client.post, list_url(), form, secure=True)
        asked.append((f"action on all rows: {action} (refused)", act))
    rows: list[tuple[Cell, ...]] = []
    for name, work in asked:
        print(f"scale: {name} ...", file=sys.stderr)
        work()
        both = Both()
        for _ in range(options.rounds):
            both.measure(work)
        rows.append((name, both.wall.least, both.cpu.median))
    title = f"Beside the list, {connection.display_name}, {options.rows:,} certificates"
    return Table(title, ("screen", "least ms", "CPU ms"), rows)


if __name__ == "__main__":
    sys.exit(main())
