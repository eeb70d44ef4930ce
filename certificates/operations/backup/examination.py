"""Does the content of a backup hang together? Asked row by row while it goes by (CM-10)."""

import hmac
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key

from certificates.anchor import Anchor, parse_anchor
from certificates.models import Event
from certificates.operations.backup.content import (
    ANCHOR,
    MASTER_KEYS,
    End,
    Manifest,
    Part,
    TableBegins,
    not_understood,
)
from certificates.operations.rotate import SEALED_COLUMNS
from certificates.secrets import KeyRing, SealError, parse_key_ring, place, unseal
from certificates.x509.facts import public_key_fingerprint

MOST_NAMED = 20  # problems that are told one by one
_SEALED = {model._meta.label_lower: (model, column) for model, column in SEALED_COLUMNS}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`problems` is empty when everything is as it should be."""

    taken_at: str
    node: str
    database: str
    rows: dict[str, int]
    sealed: int  # values that were opened
    events: int
    newest_event: str  # its code: what an auditor compares
    tail_cut: str  # "": it was not; else what was missing already when the backup was made
    problems: list[str]


class Examination:
    """Given every part of a backup in its order; nothing is kept but counts and keys' names."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.ring = _ring(manifest)
        self._anchor = _anchor(manifest)
        self._counted: Counter[str] = Counter()
        self._problems: list[str] = []
        self._table: TableBegins | None = None
        self._keys = set[str]()  # names of the private keys that were seen
        self._audit_key, self._before, self._events, self._opened = b"", "", 0, 0

    @property
    def newest(self) -> Anchor:
        """The newest event that the backup holds."""
        return Anchor(self._events, self._before)

    @property
    def anchored(self) -> Anchor:
        """What the anchor has to say once this is restored: a tail that was cut stays visible."""
        held = self._anchor
        return held if held and held.sequence >= self._events else self.newest

    def see(self, part: Part) -> None:
        """Raises `Refused` backup.content where nothing can be made of it."""
        if isinstance(part, TableBegins):
            self._table = part
        elif isinstance(part, End):
            self._compare_counts(part)
        elif isinstance(part, list):
            self._see_row(part)

    def verdict(self) -> Verdict:
        cut = ""
        if self._anchor and self._anchor.sequence > self._events:
            cut = (
                f"The audit log ends with event {self._events}, and its anchor names event"
                f" {self._anchor.sequence}: its tail had been cut before the backup was made."
            )
        return Verdict(
            taken_at=self.manifest.taken_at,
            node=self.manifest.node,
            database=self.manifest.database,
            rows=dict(self._counted),
            sealed=self._opened,
            events=self._events,
            newest_event=self._before,
            tail_cut=cut,
            problems=list(self._problems),
        )

    def _see_row(self, values: list[Any]) -> None:
        if self._table is None or len(values) != len(self._table.columns):
            raise not_understood()
        label = self._table.label
        self._counted[label] += 1
        checks = {
            "certificates.privatekey": self._see_key,
            "certificates.secret": self._see_secret,
            "certificates.certificate": self._see_certificate,
            "certificates.event": self._see_event,
        }
        if label in checks:
            checks[label](dict(zip(self._table.columns, values, strict=True)))
        elif label in _SEALED:
            self._open(label, dict(zip(self._table.columns, values, strict=True)))

    def _see_key(self, row: dict[str, Any]) -> None:
        plain, named = self._open("certificates.privatekey", row), row["public_key_fingerprint"]
        self._keys.add(str(row["id"]))
        if plain is None:
            return
        try:
            key: Any = load_der_private_key(plain, None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            self._tell(f"The private key {named[:16]}… opens, and is no key.")
            return
        if public_key_fingerprint(key.public_key()) != named:
            self._tell(f"The private key {named[:16]}… is another one than its row says.")

    def _see_secret(self, row: dict[str, Any]) -> None:
        plain = self._open("certificates.secret", row)
        if row["name"] == "audit" and plain is not None:
            self._audit_key = plain

    def _open(self, label: str, row: dict[str, Any]) -> bytes | None:
        model, column = _SEALED[label]
        assert model._meta.pk is not None  # noqa: S101 - every model has one
        pk = model._meta.pk.to_python(row[model._meta.pk.attname])
        field: Any = model._meta.get_field(column)
        try:
            plain = unseal(field.to_python(row[column]), place(model(pk=pk), column), self.ring)
        except (SealError, TypeError, ValueError) as error:
            self._tell(f"A sealed value of the backup does not open: {error}")
            return None
        self._opened += 1
        return plain

    def _see_certificate(self, row: dict[str, Any]) -> None:
        if row["is_own"] and str(row["private_key_id"]) not in self._keys:
            self._tell(
                f"The {row['state']} {row['purpose']} certificate {row['fingerprint'][:16]}… has no"
                " private key in the backup."
            )

    def _see_event(self, row: dict[str, Any]) -> None:
        event = Event(**row | {"at": datetime.fromisoformat(row["at"])})
        wanted = self._events + 1
        expected = event.expected_code(self._before, self._audit_key or b"none")
        if event.sequence != wanted:
            self._tell(f"The audit log has no event {wanted}.")
        elif not hmac.compare_digest(event.code, expected):
            self._tell(f"Event {wanted} of the audit log was changed after it was written.")
        elif self._anchor and wanted == self._anchor.sequence and event.code != self._anchor.code:
            self._tell(f"Event {wanted} is not the one that the anchor of the audit log names.")
        self._before, self._events = event.code, event.sequence

    def _compare_counts(self, end: End) -> None:
        for label in self.manifest.tables:
            if end.rows.get(label) != self._counted[label]:
                wrong = f"{self._counted[label]} rows of {label} where"
                self._tell(f"The backup holds {wrong} {end.rows.get(label)} were written.")

    def _tell(self, problem: str) -> None:
        if len(self._problems) < MOST_NAMED:
            self._problems.append(problem)


def examined(parts: Iterator[Part]) -> tuple[Examination, Iterator[Part]]:
    """The examination, and the parts behind the manifest, each seen by it as it goes by."""
    manifest = next(parts)
    if not isinstance(manifest, Manifest):
        raise not_understood()
    examination = Examination(manifest)

    def seen() -> Iterator[Part]:
        for part in parts:
            try:
                examination.see(part)
            except (KeyError, TypeError, ValueError, AttributeError):
                raise not_understood() from None
            yield part

    return examination, seen()


def _ring(manifest: Manifest) -> KeyRing:
    try:
        return parse_key_ring(manifest.files[MASTER_KEYS], "the backup")
    except (KeyError, SealError):
        raise not_understood() from None


def _anchor(manifest: Manifest) -> Anchor | None:
    text = manifest.files.get(ANCHOR, "")
    try:
        return parse_anchor(text) if text else None
    except ValueError:
        raise not_understood() from None
