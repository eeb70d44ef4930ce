"""`./ccxsec lab`: every combination of algorithms on the wire, as a table; 1 when one fails."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import tests.environment  # noqa: F401 - before Django: a data folder of its own, and no `.env`

import django  # isort: skip

django.setup()

from tests.lab.changes import install  # noqa: E402 - it has models
from tests.lab.ipsec.combinations import MANUAL, MODERN, title  # noqa: E402
from tests.lab.ipsec.esp_kernel import EspKernel, esp_kernel  # noqa: E402
from tests.lab.ipsec.scenes import meet  # noqa: E402
from tests.lab.ipsec.verdict import assert_in_force  # noqa: E402
from tests.lab.worker import Worker  # noqa: E402


def main() -> int:
    """Play them all, also after one has failed."""
    begun, failed = time.monotonic(), 0
    combinations = [*MANUAL, *MODERN]
    with tempfile.TemporaryDirectory(prefix="ccxsec-lab-") as folder:
        data = Path(folder) / "data"
        with Worker(data) as worker:
            worker.ask(install)
        with esp_kernel(data) as kernel:
            for number, fields in enumerate(combinations, 1):
                wrong = _what_is_wrong(kernel, fields)
                failed += bool(wrong)
                told = f"FAILED  {wrong}" if wrong else "only ESP, transport mode"
                print(f"{number:4}  {title(fields):44} {told}", flush=True)
    seconds = time.monotonic() - begun
    print(f"{len(combinations) - failed} passed, {failed} failed", f"({seconds:.0f} s)", sep="\n")
    return 1 if failed else 0


def _what_is_wrong(kernel: EspKernel, fields: dict[str, Any]) -> str:
    """The last line of it; "" for nothing."""
    try:
        assert_in_force(fields, kernel.play(meet, fields))
    except AssertionError as error:
        return (str(error).strip() or "not as configured").splitlines()[-1][:200]
    return ""


if __name__ == "__main__":
    sys.exit(main())
