"""A part of the audit log as one signed file, which somebody else can verify (docs/audit.md).

JSON Lines: a line an event, each with the SHA-256 of the line before, and at the end one with the
manifest, its signature by a key of this server, and the certificate of that key.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate
from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import Action, Certificate, Event
from certificates.operations.audit import Chain, Unreadable, read_log
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.signing import Signer, SigningKey, sign, weakness

FORMAT, VERSION = "ccxsec-audit-export", 1


@dataclass(slots=True)
class AuditExport:
    """From event `first` to event `last`. `problem` is known once all `lines` were read."""

    first: int
    last: int
    before: str  # the code of the event before the first one
    made_at: datetime
    node: str
    signer: Signer
    problem: str = field(default="", init=False)

    @property
    def file_name(self) -> str:
        return f"audit-{self.first}-{self.last}.jsonl"

    def lines(self) -> Iterator[bytes]:
        """Each line with its end; about 400 bytes an event."""
        whole, previous, count = sha256(), "", 0
        chain = Chain(before=self.before, whole=self.first - 1)
        for event in read_log(self.first, self.last):
            self.problem = self.problem or chain.problem(event)
            line = _line({"previous_line": previous} | columns(event))
            previous, count = sha256(line[:-1]).hexdigest(), count + 1
            whole.update(line)
            yield line
        self.problem = self.problem or _short(chain.whole, self.last)
        manifest = json.dumps(self._manifest(count, whole.hexdigest(), previous), indent=1)
        signature = sign(self.signer.private_key, manifest.encode())
        yield _line(
            {
                "manifest": manifest,
                "signature": base64.b64encode(signature).decode(),
                "certificate": self.signer.certificate.public_bytes(Encoding.PEM).decode(),
            }
        )

    def _manifest(self, count: int, digest: str, last_line: str) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "made_at": self.made_at.astimezone(UTC).isoformat(timespec="seconds"),
            "node": self.node,
            "events": count,
            "first": self.first,
            "last": self.last,
            "code_before": self.before,
            "sha256": digest,
            "last_line": last_line,
            "verdict": self.problem or "whole",
            "signed_by": self.signer.service,
            "public_key_sha256": key_digest(self.signer.certificate.public_key()),
        }


def begin_export(
    *, since: datetime | None, until: datetime | None, actor: Actor, now: datetime
) -> AuditExport:
    """Note that the events of a time are exported, and by whom; reading the key is an event, too.

    Args:
        since, until: the first event at or after, the last one before; None: of all.

    Raises:
        Refused: audit.empty, audit.signer.
    """
    actor.require(Permission.VIEW_EVENTS)
    with transaction.atomic():
        Event.objects.hold()
        first, last = _between(since, until)
        before = Event.objects.filter(sequence__lt=first).order_by("-sequence").first()
        row, signer = _signer(actor)
        asked = {"since": _text(since), "until": _text(until)}
        what = f"events {first} to {last}"
        Event.objects.record(str(actor), Action.AUDIT_EXPORT, what, **asked)
    code = before.code if before else ""
    return AuditExport(first, last, code, now, row.node.host_name, signer)


def columns(event: Event | Unreadable) -> dict[str, Any]:
    """What a line says of an event."""
    if isinstance(event, Unreadable):
        return {"sequence": event.sequence, "unreadable": True}
    return {
        "sequence": event.sequence,
        "at": event.at.astimezone(UTC).isoformat(),
        "actor": event.actor,
        "action": event.action,
        "object_type": event.object_type,
        "object_id": event.object_id,
        "object_text": event.object_text,
        "detail": event.detail,
        "code": event.code,
    }


def key_digest(key: Any) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal."""
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(info).hexdigest()


def _line(values: dict[str, Any]) -> bytes:
    """ASCII only: whatever an event holds, a terminal and a spreadsheet see letters."""
    return json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _text(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else ""


def _short(whole: int, last: int) -> str:
    return "" if whole >= last else say("The log ends before event {last}.", last=last)


def _between(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """The first and the last event of that time; those between them may have been clocked else."""
    if since and until and since >= until:
        wrong = say("The first day is after the last one.")
        raise Refused("audit.period", wrong, say("Exchange them."))
    rows = Event.objects.all()
    rows = rows if since is None else rows.filter(at__gte=since)
    rows = rows if until is None else rows.filter(at__lt=until)
    numbers = rows.values_list("sequence", flat=True)
    first, last = numbers.order_by("sequence").first(), numbers.order_by("-sequence").first()
    if first is None or last is None:
        wrong = say("The audit log has no event of that time.")
        raise Refused("audit.empty", wrong, say("Choose another time."))
    return first, last


def _signer(actor: Actor) -> tuple[Certificate, Signer]:
    """Tomcat's key, or ipsec's where that one is too weak to be believed."""
    own = Certificate.objects.active().own().filter(node__is_local=True)
    for row in own.select_related("node", "private_key").order_by("-purpose"):
        certificate = load_der_x509_certificate(bytes(row.der))
        if weakness(certificate.public_key()):
            continue
        key = row.unseal_key(actor=str(actor), reason="sign an export of the audit log")
        if isinstance(key, SigningKey):
            return row, Signer(row.purpose, certificate, key)
    wrong = say("This server has no certificate with a key that could sign the export.")
    raise Refused("audit.signer", wrong, say("Generate tomcat or ipsec with a stronger key."))
