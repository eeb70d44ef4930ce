"""Secrets in files that git tracks: every one found is unknown, or on the reviewed list.

The list, `known_values.tsv`, holds a file (`tests/`: all of them), a kind, the SHA-256 of the value
cut to 16 digits, and why it is no secret; never the value. `--list` prints the lines that it lacks.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings, get_settings

from tests.product import ROOT

LIST = Path(__file__).with_name("known_values.tsv")
CACHE = ROOT / ".tools" / "secret-scan.json"  # what unchanged files held at the last time
HASHED = ("requirements/",)  # locks are digests by the hundred
# It would ask a service of others whether what it found is in use.
ASKS = "detect_secrets.filters.common.is_ignored_due_to_verification_policies"


TESTS = "tests/"
Entry = tuple[str, str, str]  # file, kind, digest


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A value that looks like a secret; `digest` is all that is kept of it."""

    path: str
    kind: str
    digest: str
    line: int = 0

    @property
    def entry(self) -> Entry:
        return self.path, self.kind, self.digest


def tracked() -> list[str]:
    """The files of the repository, and those that are about to be."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def scan(root: Path, names: Iterable[str], cache: dict[str, list[list[str]]]) -> list[Found]:
    """What is found in `names`; `cache` is asked by content, and filled."""
    found = []
    with default_settings():
        get_settings().disable_filters(ASKS)
        for name in names:
            if not name.startswith(HASHED):
                held = _held(root / name, name, cache)
                found += [Found(name, kind, digest, int(line)) for kind, digest, line in held]
    return sorted(set(found))


def _held(path: Path, name: str, cache: dict[str, list[list[str]]]) -> list[list[str]]:
    key = hashlib.sha256(name.encode() + b"\0" + path.read_bytes()).hexdigest()
    if key not in cache:
        cache[key] = [
            [one.type, digest_of(one.secret_value or ""), str(one.line_number)]
            for one in scan_file(str(path))
        ]
    return cache[key]


def digest_of(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:16]


def known() -> dict[Entry, str]:
    """The reviewed list, each entry with its reason."""
    rows = [line.split("\t") for line in LIST.read_text().splitlines() if line]
    return {(path, kind, digest): reason for path, kind, digest, reason in rows}


def entry_of(one: Found, listed: Collection[Entry]) -> Entry:
    """Its entry, or that of all tests: a password of an example may be in any of them."""
    for_all = (TESTS, one.kind, one.digest)
    return for_all if one.path.startswith(TESTS) and for_all in listed else one.entry


def complaints(found: Iterable[Found], listed: dict[Entry, str]) -> list[str]:
    """What nobody has reviewed, and what is on the list and nowhere else."""
    used, wrong = set(), []
    for one in found:
        entry = entry_of(one, listed)
        used.add(entry)
        if entry not in listed:
            wrong.append(f"{one.path}:{one.line}: {one.kind}")
    gone = sorted(set(listed) - used)
    return wrong + [
        f"{path}: {kind} {digest} is listed, and not there" for path, kind, digest in gone
    ]


def main() -> int:
    """Scan everything; `--list` prints what is new as lines for the list."""
    try:
        cache = json.loads(CACHE.read_text())
    except (OSError, ValueError):
        cache = {}
    found = scan(ROOT, tracked(), cache)
    if CACHE.parent.is_dir():
        CACHE.write_text(json.dumps(cache))
    if "--list" in sys.argv:
        for one in found:
            if entry_of(one, known()) not in known():
                print(*one.entry, "?", sep="\t")
        return 0
    wrong = complaints(found, known())
    print("\n".join(wrong) or f"{len(found)} reviewed values")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
