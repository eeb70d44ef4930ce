"""Verify an export of the audit log: every line, the signature, and whose events they are."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from certificates.models import Event, PrivateKey
from certificates.models.event import audit_key
from certificates.operations.audit_export import FORMAT, VERSION, key_digest
from certificates.refusal import Refused
from certificates.x509.facts import public_key
from certificates.x509.loading import DECODING_ERRORS, load_what_is_readable, quietly
from certificates.x509.signing import is_signed, weakness
from certificates.x509.uploads.pem_blocks import decoded, pem_blocks
from certificates.x509.visible import visible

LONGEST_LINE = 1 << 20  # bytes; ours have less than a hundredth of it
_NAMED = ("public_key_sha256", "made_at", "node", "verdict", "signed_by", "code_before")
_AGAIN = "Have it exported again, and compare how it came here."


@dataclass(frozen=True, slots=True)
class ExportVerdict:
    """What an export says, all of which is as it was signed.

    `key`: SHA-256 of the public key that signed it. `is_own_key`: this server has or had it.
    `is_own_log`: the codes of the events are those of this installation's log.
    """

    events: int
    first: int
    last: int
    made_at: str
    node: str
    verdict: str
    signed_by: str
    key: str
    is_own_key: bool
    is_own_log: bool


def verify_export(file: BinaryIO) -> ExportVerdict:
    """Read all of an export.

    Raises:
        Refused: audit.export-format, audit.export-changed, audit.export-signature.
    """
    lines = _Lines(file)
    first_row: dict[str, Any] = {}
    own = _OwnLog()
    for row in lines.events():
        first_row = first_row or row
        own.look(row)
    manifest, key = _signed(lines.last)
    _refuse_difference(manifest, lines)
    if first_row and manifest["first"] != first_row.get("sequence"):
        raise _changed("Its first event is not the one that its manifest names.")
    return ExportVerdict(
        events=lines.count,
        first=manifest["first"],
        last=manifest["last"],
        made_at=visible(str(manifest["made_at"])),
        node=visible(str(manifest["node"])),
        verdict=visible(str(manifest["verdict"])),
        signed_by=visible(str(manifest["signed_by"])),
        key=key,
        is_own_key=PrivateKey.objects.filter(public_key_fingerprint=key).exists(),
        is_own_log=own.is_own(str(manifest["code_before"]), lines.count),
    )


class _Lines:
    """Reads line by line; after `events` was read to its end, `last` is the line behind them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._whole = file, sha256()
        self.last: dict[str, Any] = {}
        self.count, self.previous = 0, ""

    @property
    def digest(self) -> str:
        return self._whole.hexdigest()

    def events(self) -> Iterator[dict[str, Any]]:
        expected: int | None = None
        while raw := self._file.readline(LONGEST_LINE):
            row = _parsed(raw, self.count + 1)
            if "manifest" in row:
                self.last = row
                if self._file.read(1):
                    raise _changed("Something follows its manifest.")
                return
            number = row.get("sequence")
            if row.get("previous_line") != self.previous:
                raise _changed(
                    f"Line {self.count + 1}, event {number}, does not follow the line"
                    " before: one of the two was changed, removed or put elsewhere."
                )
            if expected is not None and number != expected:
                raise _changed(f"Line {self.count + 1} is event {number}, not {expected}.")
            expected = number + 1 if isinstance(number, int) else None
            self.previous, self.count = sha256(raw[:-1]).hexdigest(), self.count + 1
            self._whole.update(raw)
            yield row


@dataclass(slots=True)
class _OwnLog:
    """Whether the codes of the events are ours: only who has the key of a log can make them."""

    key: bytes = field(default_factory=audit_key, repr=False)
    first: Event | None = None
    before: str = ""
    good: int = 0

    def look(self, row: dict[str, Any]) -> None:
        """The next event; the first one waits for the code that the manifest says."""
        event = _event(row)
        if self.first is None:
            self.first = event
        elif event and event.code == event.expected_code(self.before, self.key):
            self.good += 1
        self.before = event.code if event else ""

    def is_own(self, code_before: str, count: int) -> bool:
        """Whether all `count` events fit, with `code_before` in front of the first."""
        first = self.first
        fits = first is not None and first.code == first.expected_code(code_before, self.key)
        return fits and self.good == count - 1


def _event(row: dict[str, Any]) -> Event | None:
    names = ("sequence", "actor", "action", "object_type", "object_id", "object_text", "detail")
    try:
        values = {name: row[name] for name in (*names, "code")}
        return Event(at=datetime.fromisoformat(row["at"]), **values)
    except (KeyError, TypeError, ValueError):
        return None


def _parsed(raw: bytes, number: int) -> dict[str, Any]:
    try:
        row = json.loads(raw) if raw.endswith(b"\n") else None
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        wrong = f"Line {number} is no line of an export of the audit log."
        raise Refused("audit.export-format", wrong, _AGAIN)
    return row


def _signed(last: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The manifest, and the digest of the key that signed it."""
    if not last:
        raise _changed("Its end, with the manifest and the signature, is missing.")
    try:
        text = last["manifest"].encode()
        signature = base64.b64decode(last["signature"], validate=True)
        key = _key(last["certificate"].encode())
        manifest = json.loads(text)
        numbers = [manifest[name] for name in ("version", "events", "first", "last")]
        is_ours = manifest["format"] == FORMAT and all(type(one) is int for one in numbers)
        named = [str(manifest[name]) for name in _NAMED]
    except (KeyError, TypeError, AttributeError, RecursionError, Refused, *DECODING_ERRORS):
        wrong = "Its last line is no manifest with a signature and a certificate."
        raise Refused("audit.export-format", wrong, _AGAIN) from None
    if not is_ours or manifest["version"] != VERSION:
        wrong = "It is no export of the audit log that this version can read."
        raise Refused("audit.export-format", wrong, "Use the version that made it, or a newer one.")
    if named[0] != key_digest(key) or weakness(key) or not is_signed(key, signature, text):
        wrong = "The signature does not fit the manifest, or its key is too weak."
        raise Refused("audit.export-signature", wrong, _AGAIN)
    return manifest, named[0]


def _key(pem: bytes) -> PublicKeyTypes:
    """Raises `ValueError`, and what decoding raises."""
    found = pem_blocks(pem)
    if found is None or len(found.blocks) != 1:
        raise ValueError("not one PEM block")
    with quietly:
        return public_key(load_what_is_readable(decoded(found.blocks[0])).certificate)


def _refuse_difference(manifest: dict[str, Any], lines: _Lines) -> None:
    said = (manifest["events"], manifest.get("sha256"), manifest.get("last_line"))
    if said != (lines.count, lines.digest, lines.previous):
        raise _changed(
            f"Its {lines.count} events are not the {manifest['events']} of its manifest."
        )


def _changed(wrong: str) -> Refused:
    return Refused("audit.export-changed", f"The export was changed. {wrong}", _AGAIN)
