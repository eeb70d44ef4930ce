"""`./ccxsec restart`: what must be restarted, doing it, and saying that it was done."""

from typing import Any

from django.core.management import CommandParser
from django.utils import timezone

from certificates import jobs
from certificates.access import command_line
from certificates.management.operator_command import Answer, OperatorCommand, node_of
from certificates.models import JobState, RestartNotice, Service
from certificates.operations import acknowledge_restart, request_restart
from certificates.refusal import Refused


class Command(OperatorCommand):
    help = "Restarts that new certificates ask for."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        self.verb(verbs, "list", self.list, "what must be restarted, in this order")
        run = self.verb(
            verbs, "run", self.run, "restart what this product can, and see that it did"
        )
        run.add_argument("--service", choices=[s.value for s in Service])
        run.add_argument("--node", metavar="NAME", help="host name; default: every node")
        ack = self.verb(verbs, "ack", self.acknowledge, "say that a service was restarted by hand")
        ack.add_argument("service", choices=[s.value for s in Service])
        ack.add_argument("--node", metavar="NAME", help="host name; default: every node")

    def list(self, options: dict[str, Any]) -> Answer:
        due = RestartNotice.objects.open().in_restart_order().select_related("node")
        return [
            {
                "node": notice.node.host_name,
                "service": notice.service,
                "since": notice.opened_at.isoformat(timespec="seconds"),
                "by": "restart run" if notice.can_be_run else "by hand, then restart ack",
                "reason": notice.reason,
            }
            for notice in due
        ]

    def run(self, options: dict[str, Any]) -> Answer:
        notices = RestartNotice.objects.open().in_restart_order().select_related("node")
        if options["service"]:
            notices = notices.filter(service=options["service"])
        if options["node"]:
            notices = notices.filter(node=node_of(options))
        due = list(notices)
        done: list[str] = []
        left: list[str] = []
        for notice in due:
            if not notice.can_be_run:
                left.append(f"{notice}: restart it there, then ./ccxsec restart ack")
                continue
            row = request_restart(notice, actor=command_line())
            ended = jobs.run(row.pk) or jobs.wait(row.pk)
            if ended.state != JobState.DONE:
                wrong = f"The {notice} failed: {ended.messages[-1]}"
                cure = "The notice stays open, and what comes after it was not restarted."
                raise Refused("restart.failed", wrong, cure)
            done.append(f"{notice}: {ended.messages[-1]}")
        if not due and not options["as_json"]:
            return {"restart": "Nothing is due."}
        return {"restarted": done, "left_to_you": left}

    def acknowledge(self, options: dict[str, Any]) -> Answer:
        due = RestartNotice.objects.open().in_restart_order().select_related("node")
        due = due.filter(service=options["service"])
        if options["node"]:
            due = due.filter(node__host_name=options["node"].lower())
        notices = list(due)
        if not notices:
            wrong = f"No restart of {options['service']} is due there."
            raise Refused("restart.closed", wrong, "See ./ccxsec restart list.")
        for notice in notices:
            acknowledge_restart(notice, actor=command_line(), now=timezone.now())
        return {"acknowledged": [str(notice) for notice in notices]}
