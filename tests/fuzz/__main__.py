"""`./ccxsec fuzz`: damage certificates and read them, with a seed to do it again."""

import argparse
import sys

from tests.fuzz.campaign import run

_DEFAULT_COUNT = 100_000
_MOST_SHOWN = 20  # failures


def main() -> int:
    """0: nothing but refusals came of it."""
    parser = argparse.ArgumentParser(prog="ccxsec fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=_DEFAULT_COUNT, help="inputs (100,000)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (1)")
    options = parser.parse_args()
    report = run(count=max(options.count, 1), seed=options.seed)
    for failure in report.failures[:_MOST_SHOWN]:
        sys.stdout.write(f"{failure}\n")
    sys.stdout.write(f"Seed {options.seed}: {report}\n")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
