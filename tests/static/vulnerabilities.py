"""Known vulnerabilities of the packages of the lock, asked of the Python package index.

Where the index can't be asked, nothing was audited: that is said, and is neither good nor bad.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.product import ROOT
from tests.static import NOT_DONE

LOCKS = ("requirements/run.txt",)
# What pip-audit writes where its service does not answer, or does not know a package.
UNANSWERED = (
    "could not be audited",
    "Could not connect",
    "ConnectionError",
    "timed out",
    "Max retries",
    "Service Unavailable",
    "HTTPError",
)
COMMAND = [
    *(sys.executable, "-m", "pip_audit", "--strict", "--require-hashes", "--disable-pip"),
    *("--format", "json", "--progress-spinner", "off", "--timeout", "5"),
]


def judge(status: int, answer: str, said: str) -> tuple[int, str]:
    """The exit status, and what to print, for what pip-audit answered and said beside it."""
    try:
        found = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (said.strip().splitlines() or ["no reason given"])[-1]
        if any(words in said for words in UNANSWERED):
            return NOT_DONE, f"not audited: {last}"
        return 1, said or answer or f"pip-audit ended with {status}, and said nothing"
    holes = [
        f"{package['name']} {package['version']}: {hole['id']}, fixed in {hole['fix_versions']}"
        for package in found
        for hole in package.get("vulns", [])
    ]
    skipped = [f"{one['name']}: {one['skip_reason']}" for one in found if "skip_reason" in one]
    if holes:
        return 1, "\n".join(holes)
    if skipped or not found:
        return NOT_DONE, f"not audited: {'; '.join(skipped) or 'no package'}"
    return (0, f"{len(found)} packages") if status == 0 else (1, said)


def main() -> int:
    """Ask for each lock; the worst answer counts."""
    worst = 0
    for lock in LOCKS:
        done = subprocess.run(
            [*COMMAND, "--requirement", str(Path(ROOT, lock))],
            capture_output=True,
            text=True,
            check=False,
        )
        status, text = judge(done.returncode, done.stdout, done.stderr)
        print(text)
        worst = status if status == 1 or not worst else worst
    return worst


if __name__ == "__main__":
    sys.exit(main())
