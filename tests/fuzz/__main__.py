"""`./ccxsec fuzz`: damage certificates or archives and read them again; ask the API anything."""

import argparse
import sys

from tests.fuzz import api, campaign, exchange

_CAMPAIGNS = {"certificates": campaign.run, "exchange": exchange.run, "api": api.run}
_DEFAULT_COUNTS = {"api": 50}  # of each operation
_DEFAULT_COUNT = 100_000
_MOST_SHOWN = 20  # failures


def main() -> int:
    """0: nothing but refusals came of it."""
    parser = argparse.ArgumentParser(prog="ccxsec fuzz", description=__doc__)
    parser.add_argument("what", nargs="?", choices=tuple(_CAMPAIGNS), default="certificates")
    parser.add_argument("--count", type=int, help="inputs (100,000; api: 50 of each operation)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (1)")
    options = parser.parse_args()
    count = options.count or _DEFAULT_COUNTS.get(options.what, _DEFAULT_COUNT)
    report = _CAMPAIGNS[options.what](count=max(count, 1), seed=options.seed)
    for failure in report.failures[:_MOST_SHOWN]:
        sys.stdout.write(f"{failure}\n")
    sys.stdout.write(f"Seed {options.seed}: {report}\n")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
