"""The readable beginning of a backup: what it is, and who can open it. No secret is in it."""

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from certificates.backup_format.keys import SCRYPT, ScryptCost, check_lock
from certificates.refusal import Refused

MAGIC, VERSION = b"CCXSECBACKUP", 1
_PRELUDE = struct.Struct(">12sHI")  # magic, version of the format, length of the header in bytes
_LONGEST, MOST_LOCKS = 16 * 1024, 16


class Writable(Protocol):
    """All that is asked of where a backup goes to."""

    def write(self, data: bytes, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Header:
    """`digest` is bound to every chunk: a header that was changed opens nothing."""

    made_at: str  # ISO 8601, UTC
    node: str  # host name of the local node
    product: str
    locks: list[dict[str, Any]]
    digest: bytes


def write_header(
    stream: Writable, *, made_at: str, node: str, product: str, locks: Sequence[dict[str, Any]]
) -> bytes:
    """Write it; returns its digest."""
    fields = {"made_at": made_at, "node": node, "product": product, "locks": list(locks)}
    text = json.dumps(fields | {"cipher": "AES-256-GCM"}, sort_keys=True).encode()
    written = _PRELUDE.pack(MAGIC, VERSION, len(text)) + text
    stream.write(written)
    return hashlib.sha256(written).digest()


def read_header(stream: BinaryIO) -> Header:
    """Read it, within limits, before anything costly is done.

    Raises:
        Refused: backup.not-one, backup.version, backup.header, backup.cost.
    """
    prelude = stream.read(_PRELUDE.size)
    if prelude[: len(MAGIC)] != MAGIC or len(prelude) < _PRELUDE.size:
        wrong = "The file is not a backup of this product."
        raise Refused("backup.not-one", wrong, "Look at its name; ./ccxsec backup list shows some.")
    _, version, length = _PRELUDE.unpack(prelude)
    if version != VERSION:
        wrong = f"The backup has the format {version}, and this version reads {VERSION}."
        raise Refused("backup.version", wrong, "Use the version of the product that made it.")
    text = stream.read(length) if length <= _LONGEST else b""
    fields = _parsed(text) if len(text) == length else None
    if fields is None or not _is_well_formed(fields):
        wrong = "The beginning of the backup was changed or cut."
        raise Refused("backup.header", wrong, "Take another copy of the file, or another backup.")
    _refuse_costs(fields["locks"])
    return Header(
        made_at=fields["made_at"],
        node=fields["node"],
        product=fields["product"],
        locks=fields["locks"],
        digest=hashlib.sha256(prelude + text).digest(),
    )


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _is_well_formed(fields: dict[str, Any]) -> bool:
    locks = fields.get("locks")
    if not isinstance(locks, list) or not 1 <= len(locks) <= MOST_LOCKS:
        return False
    texts = [fields.get(name) for name in ("made_at", "node", "product")]
    is_known = fields.get("cipher") == "AES-256-GCM"
    is_text = all(isinstance(text, str) for text in texts)
    return is_known and is_text and all(isinstance(x, dict) and check_lock(x) for x in locks)


def _refuse_costs(locks: list[dict[str, Any]]) -> None:
    by_passphrase = [lock for lock in locks if lock["kind"] == SCRYPT]
    costs = [ScryptCost(lock["n"], lock["r"], lock["p"]) for lock in by_passphrase]
    if len(costs) > 1 or not all(cost.is_bearable() for cost in costs):
        wrong = "The file asks for more memory or time than a backup of this product needs."
        cure = "It was changed, or made to do harm: take another copy of it."
        raise Refused("backup.cost", wrong, cure)
