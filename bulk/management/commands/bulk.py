"""`./ccxsec bulk`: certificates are exchanged with other clusters through an SFTP server."""

from typing import Any

from django.core.management import CommandParser
from django.utils import timezone

from bulk.management.answers import job_line, standing_details, standing_lines
from bulk.management.cluster_verbs import ClusterVerbs
from bulk.management.following import failed, is_done
from bulk.management.import_verbs import ImportVerbs
from bulk.management.server_verbs import ServerVerbs
from bulk.management.step_verbs import StepVerbs
from bulk.operations import request_survey, standing
from certificates.access import command_line
from certificates.management.operator_command import Answer
from certificates.models import Job

MOST_ROWS = 1_000_000


class Command(ServerVerbs, StepVerbs, ImportVerbs, ClusterVerbs):
    help = "Certificates are exchanged with other clusters."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        self.add_server_verbs(verbs)
        show = self.verb(
            verbs, "show", self.show, "what is known of the exchange; connects nowhere"
        )
        show.add_argument("--look", action="store_true", help="look at the server first")
        self.add_step_verbs(verbs)
        self.add_import_verbs(verbs)
        self.add_cluster_verbs(verbs)
        history = self.verb(verbs, "history", self.history, "what was run, newest first")
        history.add_argument("--limit", type=int, default=50, metavar="N", help="default: 50")

    def show(self, options: dict[str, Any]) -> Answer:
        if options["look"]:
            ended = self.follow(request_survey(actor=command_line()))
            if not is_done(ended):
                return failed(ended)
        now = timezone.now()
        told = standing_details(standing(now=now), now=now)
        return told if options["as_json"] else standing_lines(told)

    def history(self, options: dict[str, Any]) -> Answer:
        rows = Job.objects.filter(kind__startswith="bulk-").order_by("-created_at", "-pk")
        return [job_line(job) for job in rows[: min(max(0, options["limit"]), MOST_ROWS)]]
