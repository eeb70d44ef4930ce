"""What was on the SFTP server when somebody looked: kept as JSON, so that no page connects."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SeenExport:
    """The export of one cluster for one service; `problem`: why it can't be read.

    `size`: bytes. `modified_at`: by the server's clock, ISO 8601. `keys`: per service the
    fingerprint of the public key whose signature was right. `content` stands for its certificates.
    Texts of the other cluster are as it wrote them, invisible characters escaped.
    """

    file: str
    size: int
    modified_at: str
    cluster_id: str
    service: str
    number: int
    cluster_name: str = ""
    nodes: list[str] = field(default_factory=list)
    made_at: str = ""
    count: int = 0
    keys: dict[str, str] = field(default_factory=dict)
    content: str = ""
    problem: str = ""

    @property
    def made(self) -> datetime | None:
        return datetime.fromisoformat(self.made_at) if self.made_at else None


@dataclass(frozen=True, slots=True)
class SeenConsolidated:
    """The consolidated file. `exports`: the names of the files in it."""

    file: str
    size: int
    modified_at: str
    number: int
    made_at: str = ""
    made_by: str = ""
    exports: list[str] = field(default_factory=list)
    clusters: list[str] = field(default_factory=list)  # their ids, each once
    problem: str = ""

    @property
    def made(self) -> datetime | None:
        return datetime.fromisoformat(self.made_at) if self.made_at else None


@dataclass(frozen=True, slots=True)
class SeenFile:
    """Another file that may hold certificates: a PKCS#12 of a foreign system."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Seen:
    """One look. `free`: bytes on the server's disk. `strays`: files that are nobody's here."""

    exports: list[SeenExport] = field(default_factory=list)
    consolidated: SeenConsolidated | None = None
    others: list[SeenFile] = field(default_factory=list)
    free: int | None = None
    strays: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> "Seen":
        """The look of `to_json`; an empty one of {}."""
        values = dict(data)
        values["exports"] = [SeenExport(**one) for one in data.get("exports", [])]
        values["others"] = [SeenFile(**one) for one in data.get("others", [])]
        consolidated = data.get("consolidated")
        values["consolidated"] = SeenConsolidated(**consolidated) if consolidated else None
        return cls(**values)


def counted(count: int, what: str = "certificate") -> str:
    """How many there are, in words: "1 certificate", "2 certificates"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
