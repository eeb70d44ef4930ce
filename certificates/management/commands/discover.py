"""`./ccxsec discover`: what servers really serve, compared with the stores."""

from typing import Any

from django.core.management import CommandParser

from certificates import jobs
from certificates.access import command_line
from certificates.management.operator_command import (
    Answer,
    Judged,
    OperatorCommand,
    add_node,
    node_of,
)
from certificates.models import Endpoint, JobState, Observed, Service
from certificates.operations import add_endpoint, remove_endpoint, request_probe
from certificates.operations.verdict import verdicts
from certificates.refusal import Refused


class Command(OperatorCommand):
    help = "What servers really serve."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        self.verb(verbs, "list", self.list, "every address, and what it served last")
        self.verb(verbs, "observed", self.observed, "certificates that are served and not ours")
        add = self.verb(verbs, "add", self.add, "look at an address from now on")
        add.add_argument("port", type=int)
        add.add_argument("--host", default="", help="name or address; default: the node's own")
        add.add_argument("--sni", default="", metavar="NAME", help="default: the host name")
        add.add_argument("--service", default="", choices=["", *(s.value for s in Service)])
        add_node(add)
        remove = self.verb(verbs, "remove", self.remove, "look at an address no more")
        remove.add_argument("number", type=int, help="as `list` shows it")
        run = self.verb(verbs, "run", self.run, "look now")
        run.add_argument("number", type=int, nargs="?", help="default: every address")

    def list(self, options: dict[str, Any]) -> Answer:
        return [*_lines(list(Endpoint.objects.in_order()))]

    def observed(self, options: dict[str, Any]) -> Answer:
        rows = Observed.objects.watched().select_related("endpoint__node").defer("der")
        return [
            {
                "file_name": row.file_name,
                "common_name": row.common_name,
                "issued_by": row.issuer_common_name,
                "expiration": row.not_after.isoformat() if row.not_after else "",
                "seen_at": str(row.endpoint),
                "node": row.node.host_name,
                "fingerprint": row.fingerprint,
            }
            for row in rows.order_by("not_after", "pk")
        ]

    def add(self, options: dict[str, Any]) -> Answer:
        names = ("host", "port", "sni", "service")
        row = add_endpoint(
            node_of(options), **{name: options[name] for name in names}, actor=command_line()
        )
        return {"added": row.pk, "address": str(row), "next": f"./ccxsec discover run {row.pk}"}

    def remove(self, options: dict[str, Any]) -> Answer:
        row = _chosen(options["number"])
        remove_endpoint(row, actor=command_line())
        return {"removed": str(row)}

    def run(self, options: dict[str, Any]) -> Answer:
        """Exit status 1 where a server does not serve what is intended."""
        number = options["number"]
        chosen = None if number is None else _chosen(number)
        job = request_probe(chosen, actor=command_line())
        ended = jobs.run(job.pk) or jobs.wait(job.pk)
        if ended.state != JobState.DONE:
            raise Refused("probe.failed", f"The look failed: {ended.messages[-1]}", "Try it again.")
        rows = Endpoint.objects.in_order()
        lines = _lines(list(rows if chosen is None else rows.filter(pk=chosen.pk)))
        wrong = [line for line in lines if line["verdict"] != "In force"]
        said = f"{len(wrong)} of {len(lines)} do not serve what is intended." if wrong else None
        if not options["as_json"]:
            answer: dict[str, Any] = {
                line["address"]: f"{line['verdict']}. {line['about']}" for line in lines
            }
            return Judged(answer, said)
        return Judged({"endpoints": lines}, said)


def _chosen(number: int) -> Endpoint:
    row = Endpoint.objects.select_related("node").filter(pk=number).first()
    if row is None:
        wrong = f"No address has the number {number}."
        raise Refused("probe.unknown", wrong, "See ./ccxsec discover list.")
    return row


def _lines(endpoints: "list[Endpoint]") -> "list[dict[str, Any]]":
    return [
        {
            "number": row.pk,
            "address": str(row),
            "sni": row.asked_name,
            "node": row.node.host_name,
            "service": row.service,
            "serves": row.fingerprint,
            "verdict": verdict.word,
            "about": f"{verdict.sentence} {verdict.cure}".strip(),
            "looked_at": row.probed_at.isoformat(timespec="seconds") if row.probed_at else "",
        }
        for row, verdict in zip(endpoints, verdicts(endpoints), strict=True)
    ]
