"""`./ccxsec fuzz api`: requests made from the OpenAPI document, many of each operation."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Report:
    """What pytest, which makes the database and undoes each request, has said."""

    summary: str
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return self.summary


def run(*, count: int, seed: int) -> Report:
    """Ask each operation `count` times as its document wants it, and as often otherwise."""
    environment = os.environ | {"API_FUZZ_COUNT": str(count), "API_FUZZ_SEED": str(seed)}
    command = [sys.executable, "-m", "pytest", "-q", "tests/api/test_fuzz.py"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    failures = [line for line in lines if re.match("E  |FAILED|ERROR", line)]
    return Report(lines[-1] if lines else "nothing was run", failures if done.returncode else [])
