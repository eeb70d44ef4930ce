"""`./ccxsec audit`: is the audit log what was written, and a part of it for somebody else."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from certificates.access import command_line
from certificates.local_files import PRIVATE, sync_folder
from certificates.management.operator_command import Answer, Judged, OperatorCommand
from certificates.operations import verify_audit
from certificates.operations.audit_export import AuditExport, begin_export
from certificates.operations.audit_file import verify_export
from certificates.refusal import Refused

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


class Command(OperatorCommand):
    help = "The audit log."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verify = self.verb(verbs, "verify", self.verify, "find changed, missing and added events")
        verify.add_argument("file", metavar="FILE", nargs="?", help="an export, not the log itself")
        export = self.verb(verbs, "export", self.export, "events as JSON Lines, signed")
        export.add_argument("file", metavar="FILE", help="must not be there yet")
        day = "a day, 2026-11-30, or a moment, 2026-11-30T12:00:00+01:00"
        export.add_argument("--since", metavar="TIME", help=f"from {day}")
        export.add_argument("--until", metavar="TIME", help=f"up to {day}, which is included")

    def verify(self, options: dict[str, Any]) -> Answer:
        if options["file"]:
            return _verify_file(_path(options["file"]))
        verdict = verify_audit()
        if verdict.problem:
            kept = f"The {verdict.events} events before it are as they were written."
            raise Refused("audit.broken", verdict.problem, kept)
        return {"events": verdict.events, "verdict": "whole"}

    def export(self, options: dict[str, Any]) -> Answer:
        since, until = _moment(options["since"]), _moment(options["until"], is_end=True)
        path = _path(options["file"])
        if path.exists():
            wrong = f"There is a file {path} already."
            raise Refused("audit.exists", wrong, "Choose another name.")
        export = begin_export(since=since, until=until, actor=command_line(), now=timezone.now())
        _write(export, path)
        answer = {
            "file": str(path),
            "events": export.last - export.first + 1,
            "first": export.first,
            "last": export.last,
            "verdict": export.problem or "whole",
            "signed_by": export.signer.service,
        }
        if export.problem:
            return Judged(answer, f"{export.problem} The file says so, and is signed.")
        return answer


def _verify_file(path: Path) -> Answer:
    with path.open("rb") as file:
        found = verify_export(file)
    answer = {
        "events": found.events,
        "first": found.first,
        "last": found.last,
        "made_at": found.made_at,
        "node": found.node,
        "verdict": found.verdict,
        "signed_by": f"{found.signed_by}, SHA-256 of its public key {found.key}",
        "key": "of this server" if found.is_own_key else "not of this server: compare it",
        "log": "this installation's" if found.is_own_log else "another one's, or not whole",
    }
    if found.verdict != "whole":
        return Judged(answer, f"The log was not whole when it was exported: {found.verdict}")
    return answer


def _write(export: AuditExport, path: Path) -> None:
    """Under another name until it is whole."""
    part = path.with_name(f".{path.name}.part")
    try:
        with os.fdopen(os.open(part, _NEW, PRIVATE), "wb") as file:
            for line in export.lines():
                file.write(line)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)  # unlike a rename it replaces nothing
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _moment(text: str | None, *, is_end: bool = False) -> datetime | None:
    """Raises `Refused` audit.time. A day is one of the zone of the screens; its end is the next."""
    if not text:
        return None
    try:
        day = parse_date(text)
        moment = parse_datetime(text) if day is None else datetime(day.year, day.month, day.day)  # noqa: DTZ001
        if moment is None:
            raise ValueError
        moment = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
        moment = moment.astimezone(UTC)
        return moment + timedelta(days=1) if is_end and day else moment
    except (ValueError, OverflowError):
        wrong = f"{text!a} is no day and no moment."
        raise Refused("audit.time", wrong, "Write it like 2026-11-30.") from None


def _path(name: str) -> Path:
    return Path(settings.CCXSEC_CALLED_FROM, name)
