"""`./ccxsec torture`: traffic and random deaths together, then everything is looked at.

Exit status 0: nothing is wrong; 1: something is.
"""

import argparse
import secrets
import sys
from pathlib import Path

from tests.torture.run import torture


def main() -> int:
    parser = argparse.ArgumentParser(prog="./ccxsec torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="of work; default: 10")
    parser.add_argument("--seed", type=int, help="repeats the choices of a run, not its timing")
    parser.add_argument("--sqlite", action="store_true", help="default: PostgreSQL, killed, too")
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--log", type=Path, metavar="FILE", help="where the product's log goes")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else secrets.randbelow(10**6)
    database = "SQLite" if options.sqlite else "PostgreSQL"
    sys.stdout.write(f"Torture for {options.minutes:g} minutes on {database}, seed {seed}.\n")
    sys.stdout.flush()
    result = torture(
        seconds=options.minutes * 60,
        seed=seed,
        sqlite=options.sqlite,
        clients=options.clients,
        keep=options.log,
    )
    sys.stdout.write("".join(f"{line}\n" for line in result.lines()))
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())
