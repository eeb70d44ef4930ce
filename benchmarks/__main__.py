"""`./ccxsec bench`: measure, print tables, and write JSON where it is asked for."""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from benchmarks.apart import measure_apart

BENCHMARKS = (
    "deploy",
    "exchange",
    "find_path",
    "generate",
    "import_many",
    "ipsec",
    "list",
    "monitor",
    "scaling",
    "transfer",
    "upload",
    "web",
)
IDLE_LOAD = 0.5  # average of the last minute, as the kernel counts it


def main() -> int:
    options = _options()
    if os.getloadavg()[0] > IDLE_LOAD:
        print("Other work runs on this machine: times will be longer.", file=sys.stderr)
    reports = {name: measure_apart(name, options) for name in options.names or BENCHMARKS}
    for tables in reports.values():
        for table in tables:
            print(table.as_text())
    if options.json:
        written = {name: [t.as_json() for t in tables] for name, tables in reports.items()}
        options.json.write_text(json.dumps({"cores": os.cpu_count(), **written}, indent=2) + "\n")
    return 0


def _options() -> Namespace:
    parser = ArgumentParser(prog="./ccxsec bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; default: all"
    )
    parser.add_argument("--rows", type=int, default=100_000, metavar="N", help="in the list")
    parser.add_argument(
        "--repetitions", type=int, default=100, metavar="N", help="RSA keys that are generated"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument(
        "--database", default="", metavar="URL", help="a PostgreSQL server instead of SQLite"
    )
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; choose from {', '.join(BENCHMARKS)}")
    if options.rows < 1000 or options.repetitions < 2:
        parser.error("--rows begins at 1000, --repetitions at 2")
    return options


if __name__ == "__main__":
    sys.exit(main())
