"""`./ccxsec bulk export` and `consolidate`."""

from typing import Any

from django.utils import timezone

from bulk.management.answers import exporting_details
from bulk.management.following import Following, failed, is_done
from bulk.models import ExchangeServer
from bulk.operations import (
    planned_export,
    request_consolidate,
    request_export,
    request_survey,
)
from bulk.operations.consolidate import readable, refuse_few
from bulk.operations.content import ALL, services_of
from bulk.seen import Seen
from certificates.access import command_line
from certificates.management.operator_command import Answer, as_table
from certificates.models import Service


class StepVerbs(Following):
    def add_step_verbs(self, verbs: Any) -> None:
        export = self.verb(verbs, "export", self.export, "this cluster's certificates, signed")
        export.add_argument("service", choices=[*(one.value for one in Service), ALL])
        export.add_argument(
            "--dry-run", action="store_true", help="print what it would hold; connect nowhere"
        )
        consolidate = self.verb(
            verbs, "consolidate", self.consolidate, "make the clusters' exports one file"
        )
        consolidate.add_argument(
            "--dry-run", action="store_true", help="look, and print what it would take"
        )

    def export(self, options: dict[str, Any]) -> Answer:
        if not options["dry_run"]:
            return self.judged(
                self.follow(request_export(options["service"], actor=command_line()))
            )
        now = timezone.now()
        told = exporting_details(
            planned_export(one, now=now) for one in services_of(options["service"])
        )
        return self._as_rows(told, "would_export", options)

    def consolidate(self, options: dict[str, Any]) -> Answer:
        if not options["dry_run"]:
            return self.judged(self.follow(request_consolidate(actor=command_line())))
        ended = self.follow(request_survey(actor=command_line()))
        if not is_done(ended):
            return failed(ended)
        seen = Seen.of_json(ExchangeServer.objects.current().seen)
        chosen = readable(seen.exports)
        refuse_few(chosen)
        taken = [
            {
                "cluster": one.cluster_name,
                "service": one.service,
                "certificates": one.count,
                "made_at": one.made_at,
                "file": one.file,
            }
            for one in chosen
        ]
        left_out = [f"{one.file}: {one.problem}" for one in seen.exports if one.problem]
        told = {"would_consolidate": taken, "left_out": left_out}
        return self._as_rows(told, "would_consolidate", options)

    def _as_rows(self, told: dict[str, Any], rows: str, options: dict[str, Any]) -> Answer:
        """As JSON all of it; for people a table, and the remarks after it."""
        if options["as_json"]:
            return told
        for line in as_table(_in_words(row) for row in told.pop(rows)):
            self.stdout.write(line)
        return told


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: ", ".join(value) if isinstance(value, list) else value for name, value in row.items()
    }
