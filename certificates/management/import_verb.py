"""`cert import`: the dry run and the installation of a file, or of very many (CM-11, SC-3)."""

import json
import sys
from itertools import chain
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from certificates.access import command_line
from certificates.management.import_answers import (
    answer_of,
    json_line,
    lines_of,
    refusal_of,
    refused_answer,
    text_line,
)
from certificates.management.import_progress import PROGRESS, Progress, Tally, until_interrupted
from certificates.management.import_sources import Sources, content_of
from certificates.management.operator_command import (
    Answer,
    Judged,
    OperatorCommand,
    add_node,
    finish,
    node_of,
)
from certificates.models import Node, Purpose
from certificates.operations.examination import WARNINGS
from certificates.operations.import_many import FileVerdict, import_trusted
from certificates.operations.upload import examine, install_upload
from certificates.refusal import Refused
from certificates.x509.uploads.limits import CHAIN_BYTES

_STANDARD_INPUT = "-"


class ImportVerb(OperatorCommand):
    def add_import(self, verbs: Any) -> None:
        importing = self.verb(verbs, "import", self.import_file, "check and install certificates")
        importing.add_argument("purpose", metavar="PURPOSE", help="such as tomcat or tomcat-trust")
        importing.add_argument("files", metavar="FILE|-|DIRECTORY", nargs="+")
        importing.add_argument("--dry-run", action="store_true", help="check, and change nothing")
        importing.add_argument("--strict", action="store_true", help="let a warning refuse, too")
        importing.add_argument(
            "--bundle",
            action="store_true",
            help="each certificate of a file (PEM or PKCS#7, of any size) is judged by itself",
        )
        importing.add_argument(
            "--progress", choices=PROGRESS, default="auto", help="on standard error (auto)"
        )
        add_node(importing)

    def import_file(self, options: dict[str, Any]) -> Answer:
        try:
            return self._import(options)
        except Refused as refused:
            if not options["as_json"]:
                raise
            return Judged(refused_answer(refused), str(refused))

    def _import(self, options: dict[str, Any]) -> Answer:
        node, purpose = node_of(options), Purpose.named(options["purpose"])
        names = options["files"]
        if names == [_STANDARD_INPUT] and not options["bundle"]:
            content = sys.stdin.buffer.read(CHAIN_BYTES + 1)
            return self._import_one(node, purpose, content, options)
        if _STANDARD_INPUT in names:
            wrong = "Standard input is taken alone, and for one upload."
            raise Refused("import.input", wrong, "Write it into a file, and name that.")
        paths = [Path(settings.CCXSEC_CALLED_FROM, name) for name in names]
        if len(paths) > 1 or options["bundle"] or _holds_many(paths[0], purpose):
            return self._import_many(node, purpose, paths, options)
        with paths[0].open("rb") as file:
            content = content_of(file)
        return self._import_one(node, purpose, content, options)

    def _import_one(
        self, node: Node, purpose: Purpose, content: bytes, options: dict[str, Any]
    ) -> Answer:
        examined = examine(node, purpose, content, now=timezone.now())
        refused = refusal_of(examined, is_strict=options["strict"])
        answer = answer_of(examined, refused)
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
        return Judged(lines_of(examined, refused, is_dry_run=options["dry_run"]), refused)

    def _import_many(
        self, node: Node, purpose: Purpose, paths: list[Path], options: dict[str, Any]
    ) -> Answer:
        sources, tally = Sources(paths, is_bundle=options["bundle"]), Tally()
        progress = Progress(options["progress"], sources, tally, self.stderr)
        with until_interrupted() as go_on:
            verdicts = import_trusted(
                node,
                purpose,
                sources,
                is_dry_run=options["dry_run"],
                is_strict=options["strict"],
                go_on=go_on,
                actor=command_line(),
                now=timezone.now(),
            )
            for verdict in chain(verdicts, sources.unreadable):  # complete after the first
                tally.count(verdict)
                progress.tell()
                if verdict.failed or not sources.is_member(verdict.name):
                    self._write_verdict(verdict, options)
            progress.end()
            self._write_total(sources, tally, options)
            if not go_on():
                wrong = "It was stopped after a whole step: what was added until then stays."
                raise Refused("import.stopped", wrong, "Run it again to add the rest.")
        if not tally.refused:
            return None
        things = "certificates" if sources.bundles else "files"
        return Judged(None, f"{tally.refused} of {tally.judged} {things} were refused.")

    def _write_verdict(self, verdict: FileVerdict, options: dict[str, Any]) -> None:
        self.stdout.write(json_line(verdict) if options["as_json"] else text_line(verdict))

    def _write_total(self, sources: Sources, tally: Tally, options: dict[str, Any]) -> None:
        would = "would be " if options["dry_run"] else ""
        if options["as_json"]:
            if sources.bundles:
                summary = tally.as_json() | {"files": sources.files}
                self.stdout.write(json.dumps({"summary": summary}))
        elif sources.bundles:
            self.stdout.write(
                f"{tally.judged:,} certificates and files judged: {tally.added:,} {would}added,"
                f" {tally.there:,} there already, {tally.refused:,} refused."
            )
        else:
            total = f"{tally.accepted} files accepted, {tally.refused} refused; {tally.added}"
            self.stdout.write(f"{total} certificates {would}added.")


def _holds_many(path: Path, purpose: Purpose) -> bool:
    """A folder, or a file that is too large for one upload into a trust store."""
    return path.is_dir() or (not purpose.is_own and path.stat().st_size > CHAIN_BYTES)
