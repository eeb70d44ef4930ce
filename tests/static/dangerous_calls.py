"""bandit, whose findings are mended or marked on the line, each with the reason.

Ruff's rules S are most of bandit's, under the same numbers: one mark serves both, `noqa: S101` for
B101. What only bandit knows is marked `nosec B404 - the reason`. A mark without a reason marks
nothing, and one that nothing needs is a finding itself. No rule is switched off.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.product import ROOT

PACKAGES = ("ccxsec_project", "certificates", "ipsec", "bulk")
NOQA = re.compile(r"#\s*noqa:\s*([A-Z0-9, ]+?)\s+-\s+\S")
NOSEC = re.compile(r"#\s*nosec B(\d{3})\s+-\s+\S")
BARE = re.compile(r"#\s*nosec(?! B\d{3}\s+-\s+\S)|#\s*noqa(?!:)")


@dataclass(frozen=True, slots=True)
class Finding:
    """Where bandit points to, `lines` being all of the statement, and what it says."""

    path: str
    lines: tuple[int, ...]
    rule: str  # three digits
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.lines[0]}: B{self.rule}: {self.text}"


def marked(line: str) -> set[str]:
    """The numbers of the rules that a line of the source is excused from."""
    codes = re.findall(r"S(\d{3})", " ".join(NOQA.findall(line)))
    return {*codes, *NOSEC.findall(line)}


def unexcused(findings: Iterable[Finding], root: Path = ROOT) -> list[str]:
    """Each finding without a mark, and each mark without a finding or a reason."""
    sources: dict[str, list[str]] = {}
    used: set[tuple[str, int, str]] = set()
    wrong = []
    for finding in findings:
        if finding.path not in sources:
            sources[finding.path] = (root / finding.path).read_text().splitlines()
        source = sources[finding.path]
        excuses = {n for n in finding.lines if finding.rule in marked(source[n - 1])}
        used |= {(finding.path, n, finding.rule) for n in excuses}
        if not excuses:
            wrong.append(str(finding))
    return wrong + _idle(root, used)


def _idle(root: Path, used: set[tuple[str, int, str]]) -> list[str]:
    wrong = []
    for path in sorted(file for name in PACKAGES for file in (root / name).rglob("*.py")):
        name = str(path.relative_to(root))
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if BARE.search(line):
                wrong.append(f"{name}:{number}: a mark without a rule silences everything")
            for rule in NOSEC.findall(line):
                if (name, number, rule) not in used:
                    wrong.append(f"{name}:{number}: nothing needs the mark for B{rule}")
    return wrong


def findings(root: Path = ROOT) -> list[Finding]:
    """All that bandit finds; its own marks are not looked at."""
    words = ["-m", "bandit", "--quiet", "--recursive", "--ignore-nosec", "--format", "json"]
    done = subprocess.run(
        [sys.executable, *words, *(name for name in PACKAGES if (root / name).is_dir())],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(done.stdout)
    errors = [Finding(e["filename"], (1,), "000", e["reason"]) for e in answer["errors"]]
    return errors + [
        Finding(
            one["filename"].removeprefix("./"),
            (one["line_number"], *one["line_range"]),
            one["test_id"][1:],
            one["issue_text"],
        )
        for one in answer["results"]
    ]


def main() -> int:
    """Print what is wrong."""
    wrong = unexcused(findings())
    print("\n".join(wrong) or "nothing unexcused")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
