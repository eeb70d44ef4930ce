"""The content of a backup, independent of any database: what its lines are, and their order.

1. the manifest: version of this content, moment, node, migrations, tables in their order;
2. the files: master keys, the web server's secret key, the anchor of the audit log;
3. each table: its label, columns and last key, then its rows as lists;
4. the end: how many rows each table has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from certificates.refusal import Refused

CONTENT = 1  # version of this content
MASTER_KEYS, SECRET_KEY, ANCHOR = "master.keys", "secret.key", "audit.anchor"


@dataclass(frozen=True, slots=True)
class Manifest:
    taken_at: str  # ISO 8601, UTC
    node: str
    database: str  # the kind that it was read from
    migrations: list[list[str]]  # app and name of each that was applied
    tables: list[str]
    files: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class TableBegins:
    label: str
    columns: list[str]
    last_key: int


@dataclass(frozen=True, slots=True)
class End:
    rows: dict[str, int]


Part = Manifest | TableBegins | End | list[Any]


def manifest_lines(manifest: Manifest) -> list[dict[str, Any]]:
    """Without the files, which follow."""
    fields = ("taken_at", "node", "database", "migrations", "tables")
    first = {"content": CONTENT} | {name: getattr(manifest, name) for name in fields}
    return [first, {"files": manifest.files}]


def table_line(begins: TableBegins) -> dict[str, Any]:
    """What a table begins with."""
    return {"table": begins.label, "columns": begins.columns, "last_key": begins.last_key}


def end_line(rows: Mapping[str, int]) -> dict[str, Any]:
    """The last line: how many rows each table has."""
    return {"end": dict(rows)}


def read_parts(lines: Iterator[Any]) -> Iterator[Part]:
    """The manifest, then tables and rows, then the end; what is after it, is refused.

    Raises:
        Refused: backup.content, and what reading the lines raises.
    """
    first, second = next(lines, None), next(lines, None)
    yield _manifest(first, second)
    for line in lines:
        if isinstance(line, list):
            yield line
        elif isinstance(line, dict) and "table" in line:
            yield _table(line)
        elif isinstance(line, dict) and isinstance(line.get("end"), dict):
            yield End(line["end"])
            break
        else:
            raise not_understood()
    else:
        raise not_understood()
    if next(lines, None) is not None:
        raise not_understood()


def _manifest(first: Any, second: Any) -> Manifest:
    if not isinstance(first, dict) or not isinstance(second, dict):
        raise not_understood()
    if first.get("content") != CONTENT:
        raise not_understood()
    try:
        files = {str(name): str(text) for name, text in second["files"].items()}
        return Manifest(
            taken_at=str(first["taken_at"]),
            node=str(first["node"]),
            database=str(first["database"]),
            migrations=[[str(app), str(name)] for app, name in first["migrations"]],
            tables=[str(label) for label in first["tables"]],
            files=files,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise not_understood() from None


def _table(line: dict[str, Any]) -> TableBegins:
    columns, last_key = line.get("columns"), line.get("last_key")
    if not isinstance(columns, list) or not isinstance(last_key, int):
        raise not_understood()
    return TableBegins(str(line["table"]), [str(name) for name in columns], last_key)


def not_understood() -> Refused:
    """For what is authentic and still not what a backup of ours holds."""
    wrong = "The backup opens, but its content is none that this version understands."
    return Refused("backup.content", wrong, "Use the version of the product that made it.")
