"""`./ccxsec check`: every check that needs no running product. Exit status 0 when all pass."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tests.static import NOT_DONE

PACKAGES = ["ccxsec_project", "certificates", "ipsec", "bulk"]
PYTHON = sys.executable
TOOLS = Path(PYTHON).parent

CHECKS: dict[str, list[str]] = {
    "format": [str(TOOLS / "ruff"), "format", "--check", "."],
    "lint": [str(TOOLS / "ruff"), "check", "."],
    "types": [str(TOOLS / "mypy"), *PACKAGES],
    "direction of imports": [str(TOOLS / "lint-imports")],
    "deployment": [PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
    "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
    "specification table": [PYTHON, "-m", "tests.spec_table", "--check"],
    "refusal table": [PYTHON, "-m", "tests.refusal_table", "--check"],
    "documentation site": [PYTHON, "-m", "tests.documents.site", "--check"],
    "translations": [PYTHON, "-m", "tests.translations", "--check"],
    "launcher": ["sh", "-n", "ccxsec"],
    "dangerous calls": [PYTHON, "-m", "tests.static.dangerous_calls"],
    "secrets": [PYTHON, "-m", "tests.static.secret_scan"],
    "known vulnerabilities": [PYTHON, "-m", "tests.static.vulnerabilities"],
    "bill of materials": [PYTHON, "-m", "tests.sbom", os.devnull],
}


AT_ONCE = max(2, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check said; `seconds` as on a clock, with others beside it."""

    name: str
    status: int
    said: str
    seconds: float

    @property
    def word(self) -> str:
        """A check that could not find out anything is neither."""
        return {0: "ok", NOT_DONE: "open"}.get(self.status, "FAILED")

    def __str__(self) -> str:
        line = f"{self.word:<6} {self.name} ({self.seconds:.1f} s)"
        return line if self.word == "ok" else f"{line}: {self.said.strip()}"


def run(checks: dict[str, list[str]], environment: dict[str, str]) -> Iterator[Outcome]:
    """As many at once as there are processors; told in the order of the table."""

    def one(name: str) -> Outcome:
        begun = monotonic()
        done = subprocess.run(
            checks[name], env=environment, capture_output=True, text=True, check=False
        )
        return Outcome(name, done.returncode, done.stdout + done.stderr, monotonic() - begun)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(one, checks)


def summary(outcomes: list[Outcome]) -> str:
    """How many of each word; nothing is called passed that was not looked at."""
    count = {word: sum(one.word == word for one in outcomes) for word in ("ok", "FAILED", "open")}
    text = f"{count['ok']} checks passed, {count['FAILED']} failed"
    return text + (f", {count['open']} not done" if count["open"] else "")


def main() -> int:
    """Run all checks, also after one has failed."""
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        # Production settings: nothing from the environment but a data folder of its own.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CCXSEC_")}
        environment |= {"CCXSEC_DATA": folder, "CCXSEC_ENV_FILE": os.devnull}
        environment |= {"DJANGO_SETTINGS_MODULE": "ccxsec_project.settings"}
        for outcome in run(CHECKS, environment):
            print(outcome, flush=True)
            outcomes.append(outcome)
    print(summary(outcomes))
    return 1 if any(one.word == "FAILED" for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
