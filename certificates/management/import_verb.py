"""`cert import`: the dry run and the installation of a file, or of a folder of them (CM-11)."""

import json
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from certificates.access import command_line
from certificates.management.operator_command import (
    Answer,
    Judged,
    OperatorCommand,
    add_node,
    finish,
    node_of,
)
from certificates.models import Node, Purpose
from certificates.operations.examination import WARNINGS, Examination
from certificates.operations.import_many import FileVerdict, import_trusted
from certificates.operations.upload import examine, install_upload
from certificates.refusal import Finding, Refused
from certificates.x509.reading import ReadCertificate
from certificates.x509.uploads.limits import CHAIN_BYTES
from certificates.x509.visible import visible

_USUAL_BYTES = 64 * 1024  # room for the most that may be costs more time than a usual file


class ImportVerb(OperatorCommand):
    def add_import(self, verbs: Any) -> None:
        importing = self.verb(verbs, "import", self.import_file, "check and install a certificate")
        importing.add_argument("purpose", metavar="PURPOSE", help="such as tomcat or tomcat-trust")
        importing.add_argument("file", metavar="FILE|-|DIRECTORY")
        importing.add_argument("--dry-run", action="store_true", help="check, and change nothing")
        importing.add_argument("--strict", action="store_true", help="let a warning refuse, too")
        add_node(importing)

    def import_file(self, options: dict[str, Any]) -> Answer:
        try:
            return self._import(options)
        except Refused as refused:
            if not options["as_json"]:
                raise
            return Judged(_refused(refused), str(refused))

    def _import(self, options: dict[str, Any]) -> Answer:
        node, purpose = node_of(options), Purpose.named(options["purpose"])
        source = (
            None if options["file"] == "-" else Path(settings.CCXSEC_CALLED_FROM, options["file"])
        )
        if source and source.is_dir():
            return self._import_folder(node, purpose, source, options)
        content = _content(source)
        examined = examine(node, purpose, content, now=timezone.now())
        refused = _refusal(examined, is_strict=options["strict"])
        answer = _answer(examined, refused)
        if refused is None and not options["dry_run"]:
            done = install_upload(
                node,
                purpose,
                content,
                shown=examined.shown,
                confirmed=[WARNINGS],  # who runs the command without --dry-run wants them
                actor=command_line(),
                now=timezone.now(),
            )
            for job in done.jobs:
                finish(job.pk, f"{purpose} of {node}")
        if options["as_json"]:
            return Judged(answer, refused)
        return Judged(_lines(examined, refused, is_dry_run=options["dry_run"]), refused)

    def _import_folder(
        self, node: Node, purpose: Purpose, folder: Path, options: dict[str, Any]
    ) -> Answer:
        accepted = refused = added = 0
        unreadable: list[FileVerdict] = []
        verdicts = import_trusted(
            node,
            purpose,
            _files(folder, unreadable),
            is_dry_run=options["dry_run"],
            is_strict=options["strict"],
            actor=command_line(),
            now=timezone.now(),
        )
        for verdict in chain(verdicts, unreadable):  # the second is complete after the first
            added += verdict.added
            accepted += verdict.failed is None
            refused += verdict.failed is not None
            line = _json_line(verdict) if options["as_json"] else _text_line(verdict)
            self.stdout.write(line)
        total = f"{accepted} files accepted, {refused} refused; {added} certificates"
        total += " would be added." if options["dry_run"] else " added."
        if not options["as_json"]:
            self.stdout.write(total)
        return (
            Judged(None, f"{refused} of {accepted + refused} files were refused.")
            if refused
            else None
        )


def _content(source: Path | None) -> bytes:
    """One byte more than may be: what is too large is refused by the reading."""
    if source is None:
        return sys.stdin.buffer.read(CHAIN_BYTES + 1)
    with source.open("rb") as file:
        content = file.read(_USUAL_BYTES)
        if len(content) == _USUAL_BYTES:
            content += file.read(CHAIN_BYTES + 1 - _USUAL_BYTES)
        return content


def _files(folder: Path, unreadable: list[FileVerdict]) -> Iterator[tuple[str, bytes]]:
    """Names and contents; a file that can't be read stops no other, and has its verdict, too."""
    for path in sorted(folder.iterdir()):
        try:
            content = _content(path) if path.is_file() else None
        except OSError as error:
            wrong = f"It can't be read: {error.strerror}."
            found = Finding("file.unreadable", wrong, "Look at its rights, and at the disk.")
            unreadable.append(FileVerdict(path.name, (), (found,)))
        else:
            if content is not None:
                yield path.name, content


def _refusal(examined: Examination, *, is_strict: bool) -> str | None:
    """One line of reason; None when the file is accepted."""
    found = examined.failed
    if found is None and is_strict:
        found = next(iter(examined.warnings), None)
    return str(found) if found else None


def _answer(examined: Examination, refused: str | None) -> dict[str, Any]:
    """The documented contract (docs/upload.md)."""
    reason = examined.reason
    if refused and reason is None:
        reason = examined.warnings[0].code
    return {
        "accepted": refused is None,
        "reason": reason,
        "purpose": examined.purpose.value,
        "node": str(examined.node),
        "checks": [_check(check) for check in examined.checks],
        "certificates": [
            {"role": item.role.value, **_certificate(item.read)} for item in examined.items
        ],
        "path": list(examined.path),
        "replaces": _replaced(examined) if refused is None else None,
        "restart": examined.restarts if refused is None else [],
    }


def _refused(refused: Refused) -> dict[str, Any]:
    """The same for what is refused before any check, or meanwhile."""
    check = Finding(refused.code, refused.sentence, refused.cure)
    empty: dict[str, Any] = {"certificates": [], "path": [], "replaces": None, "restart": []}
    return {"accepted": False, "reason": refused.code, "checks": [_check(check)], **empty}


def _check(check: Finding) -> dict[str, str]:
    return {
        "id": check.code,
        "outcome": check.outcome.value,
        "sentence": check.sentence,
        "cure": check.cure,
    }


def _certificate(read: ReadCertificate) -> dict[str, Any]:
    facts = read.facts
    return {
        "subject": facts.subject,
        "issuer": facts.issuer,
        "serial": facts.serial_number,
        "sha256": facts.fingerprint,
        "not_before": facts.not_before.isoformat() if facts.not_before else None,
        "not_after": facts.not_after.isoformat() if facts.not_after else None,
        "key": facts.key_label,
    }


def _replaced(examined: Examination) -> dict[str, Any] | None:
    row = next((row for row in examined.replaces if row.node in examined.places), None)
    if row is None:
        return None
    return {
        "file_name": row.file_name,
        "subject": row.subject,
        "serial": row.serial_number,
        "sha256": row.fingerprint,
    }


def _lines(examined: Examination, refused: str | None, *, is_dry_run: bool) -> dict[str, Any]:
    certificates = [
        f"{item.role.value}: {item.read.facts.common_name or item.read.facts.subject},"
        f" SHA-256 {item.read.facts.fingerprint}"
        for item in examined.items
    ]
    lines: dict[str, Any] = {
        "checks": [f"{c.outcome.value:4}  {c.code}: {c}" for c in examined.checks],
        "certificates": certificates,
    }
    if refused:
        return lines
    replaced = _replaced(examined)
    if replaced:
        lines["replaces"] = f"{replaced['file_name']}, SHA-256 {replaced['sha256']}"
    lines["restart"] = examined.restarts
    done = "would be installed" if is_dry_run else "installed"
    lines["result"] = done if examined.changes else "everything is there already"
    return lines


def _json_line(verdict: FileVerdict) -> str:
    failed = verdict.failed
    return json.dumps(
        {
            "file": verdict.name,
            "accepted": failed is None,
            "reason": failed.code if failed else None,
            "checks": [_check(check) for check in verdict.checks],
            "certificates": [{"role": "trust", **_certificate(read)} for read in verdict.reads],
            "added": verdict.added,
        }
    )


def _text_line(verdict: FileVerdict) -> str:
    failed = verdict.failed
    if failed:
        text = f"refused   {verdict.name}  {failed.code}: {failed}"
    else:
        marks = ", ".join(
            dict.fromkeys(c.code for c in verdict.checks if c.outcome.value == "warn")
        )
        what = "already there" if not verdict.added else f"{verdict.added} added"
        text = f"accepted  {verdict.name}  {what}{f'  ({marks})' if marks else ''}"
    return visible(text)
