"""What each client was answered: afterwards the database must say the same."""

import json
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One operation and its answer.

    Args:
        kind: such as "generate".
        key: what the database is asked for: a name that only this operation uses.
        outcome: done, refused, unknown or error.
        said: a part of the answer, for whoever reads the report.
    """

    kind: str
    key: str
    outcome: str
    said: str = ""


@dataclass
class Ledger:
    entries: list[Entry] = field(default_factory=list)
    answered: int = 0  # that say what was done
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, key: str, outcome: str, said: str = "") -> str:
        with self._lock:
            self.entries.append(Entry(kind, key, outcome, said[:300]))
            self.answered += outcome != "unknown"
        return outcome

    def write(self, path: Path) -> None:
        path.write_text(json.dumps([asdict(entry) for entry in self.entries]))

    @staticmethod
    def read(path: Path) -> list[Entry]:
        return [Entry(**one) for one in json.loads(path.read_text())]

    def counts(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for entry in self.entries:
            of_kind = found.setdefault(entry.kind, {})
            of_kind[entry.outcome] = of_kind.get(entry.outcome, 0) + 1
        return dict(sorted(found.items()))
