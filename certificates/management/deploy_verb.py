"""`cert deploy`: put in force on the nodes what is intended, or say how they differ."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from certificates.access import command_line
from certificates.management.operator_command import Answer, Judged, OperatorCommand, node_of
from certificates.models import Deployment, Node, Purpose, Service
from certificates.operations.deploy import check, deploy
from certificates.refusal import Refused

Verdict = dict[str, Any]


class DeployVerb(OperatorCommand):
    def add_deploy(self, verbs: Any) -> None:
        deploying = self.verb(
            verbs, "deploy", self.deploy, "put in force on the nodes what is intended"
        )
        deploying.add_argument("purpose", nargs="?", metavar="PURPOSE", help="tomcat or ipsec")
        deploying.add_argument(
            "--node", metavar="NAME", help="host name; default: every node that is reached"
        )
        deploying.add_argument(
            "--check", action="store_true", help="say what differs, and write nothing"
        )
        deploying.add_argument(
            "--overwrite", action="store_true", help="also what was changed there by hand"
        )

    def deploy(self, options: dict[str, Any]) -> Answer:
        """One store that fails does not stop the others; the exit status tells."""
        places = _places(options)
        work = _check if options["check"] else _deploy(overwrite=options["overwrite"])
        verdicts = [_verdict(place, work) for place in places]
        if not verdicts:
            return {"stores": []}
        stopped = [verdict for verdict in verdicts if verdict["reason"]]
        behind = [verdict for verdict in verdicts if verdict["differs"]]
        said: str | None = None
        if stopped:
            said = str(stopped[0]["result"])
        elif behind:
            said = f"{len(behind)} of {len(verdicts)} stores differ from what is intended."
        answer: dict[str, Any] = {"stores": verdicts}
        if not options["as_json"]:
            answer = {
                f"{one['service']} on {one['node']}": [str(one["result"]), *one["differs"]]
                for one in verdicts
            }
        return Judged(answer, said)


def _places(options: dict[str, Any]) -> list[Deployment]:
    services = list(Service)
    if options["purpose"]:
        services = [Purpose.named(options["purpose"]).service]
    if options["node"]:
        return [Deployment.objects.place(node_of(options), service) for service in services]
    node_of(options)  # nothing is set up: that is said, too
    wanted = [service.value for service in services]
    rows = Deployment.objects.reached().filter(service__in=wanted).exclude(generation=0)
    return list(rows.select_related("node").order_by("node__role", "node__host_name", "service"))


def _verdict(place: Deployment, work: Callable[[Node, Service], Verdict]) -> Verdict:
    verdict: Verdict = {"node": place.node.host_name, "service": place.service}
    try:
        done = work(place.node, Service(place.service))
    except Refused as refused:
        done = {"reason": refused.code, "result": str(refused), "differs": []}
    return verdict | done


def _check(node: Node, service: Service) -> Verdict:
    found = check(node, service, actor=command_line(), now=timezone.now())
    said = "in force" if found.is_in_force else "behind: a deploy brings it"
    if found.foreign:
        said = "changed by hand: left so until it may be overwritten"
    return {"reason": None, "result": said, "differs": [*found.foreign, *found.behind]}


def _deploy(*, overwrite: bool) -> Callable[[Node, Service], Verdict]:
    def work(node: Node, service: Service) -> Verdict:
        by, now = command_line(), timezone.now()
        said = deploy(node, service, overwrite=overwrite, actor=by, now=now)
        return {"reason": None, "result": said, "differs": []}

    return work
