"""`cert compare` and `cert copy`: the trust stores of several nodes (CM-14)."""

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from certificates.access import command_line
from certificates.management.chosen import chosen
from certificates.management.operator_command import Answer, Judged, OperatorCommand, ask, finish
from certificates.management.operator_command import node_of as node_named
from certificates.models import Certificate, Node, Purpose
from certificates.operations.compare_trust import MOST_NODES, Compared, Stores, trust_store
from certificates.operations.copy_trust import Copying, Wanted, copy_trusted, examine_copy
from certificates.operations.examination import WARNINGS
from certificates.refusal import Refused
from certificates.x509.visible import visible

_NAMED = 10  # certificates, and warnings, in a question
_FEWEST = 2


class TrustVerbs(OperatorCommand):
    def add_compare(self, verbs: Any) -> None:
        comparing = self.verb(
            verbs, "compare", self.compare, "say how the trust stores of nodes differ"
        )
        comparing.add_argument("purpose", metavar="PURPOSE", help="tomcat-trust or ipsec-trust")
        comparing.add_argument(
            "--nodes",
            metavar="A,B",
            help=f"host names; default: the first {MOST_NODES} in restart order",
        )
        comparing.add_argument("--all", action="store_true", help="also what all of them have")

    def compare(self, options: dict[str, Any]) -> Answer:
        """Exit status 1 when they differ, as `diff` has it."""
        stores = Stores(trust_store(options["purpose"]), _nodes(options["nodes"]))
        differences, listed = 0, []
        for one in stores.each(differences_only=not options["all"]):
            differences += one.differs
            listed.append(_compared(one) if options["as_json"] else _row(one))
        said = None
        if differences:
            what = "certificate is" if differences == 1 else "certificates are"
            said = f"{differences:,} {what} not in {stores.purpose} of all these nodes."
        if options["as_json"]:
            answer = {
                "purpose": stores.purpose.value,
                "nodes": [str(node) for node in stores.nodes],
                "differences": differences,
                "own": [_own(node, row) for node, row in stores.identities()],
                "certificates": listed,
            }
            return Judged(answer, said)
        self.print_lines([_own(node, row) for node, row in stores.identities()])
        self.print_lines(listed)
        if not said:
            self.stdout.write("No difference.")
        return Judged(None, said)

    def add_copy(self, verbs: Any) -> None:
        copying = self.verb(
            verbs, "copy", self.copy, "copy trust certificates to the store of another node"
        )
        copying.add_argument("name", metavar="PURPOSE/NAME|PURPOSE")
        copying.add_argument("--all", action="store_true", help="all that is missing there")
        copying.add_argument("--to", required=True, metavar="NODE", help="host name")
        copying.add_argument("--node", metavar="FROM", help="host name; default: this server")
        copying.add_argument("--yes", action="store_true", help="confirm every warning")

    def copy(self, options: dict[str, Any]) -> Answer:
        source, target = node_named(options), node_named({"node": options["to"]})
        purpose, wanted = _wanted(options, source)
        found = examine_copy(target, purpose, wanted, now=timezone.now())
        if not options["yes"] and found.rows and not found.failed:
            ask(self, *_question(found))
        done = copy_trusted(
            target,
            purpose,
            wanted,
            shown=found.shown,
            confirmed=[WARNINGS],  # by --yes, or by the answer to the question
            actor=command_line(),
            now=timezone.now(),
        )
        if done.job:
            finish(done.job.pk, f"{purpose} of {target}")
        return {
            "copied": [f"{row.purpose}/{row.file_name}" for row in done.certificates],
            "from": str(source),
            "to": str(target),
            "already_there": found.already,
            "more_is_missing": found.is_part,
            "warnings": [str(check) for check in found.warnings],
            "restart_required": purpose.service.value if done.certificates else "",
        }


def _nodes(text: str | None) -> tuple[Node, ...]:
    """Raises `Refused` node.unknown, node.none, compare.nodes."""
    if text:
        names = dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip())
        if len(names) > MOST_NODES:
            wrong = f"{len(names)} nodes are named; up to {MOST_NODES} stand beside each other."
            raise Refused("compare.nodes", wrong, "Name fewer.")
        nodes = tuple(node_named({"node": name}) for name in names)
    else:
        node_named({})  # nothing is set up: that is said, too
        nodes = tuple(Node.objects.in_restart_order()[:MOST_NODES])
    if len(nodes) < _FEWEST:
        wrong = "One node alone can't be compared."
        raise Refused("compare.nodes", wrong, "Name two, or add the others under Nodes.")
    return nodes


def _wanted(options: dict[str, Any], source: Node) -> tuple[Purpose, Wanted]:
    """Raises `Refused` copy.choice, and what the names raise."""
    text, _, name = options["name"].partition("/")
    purpose = trust_store(text)
    if bool(name) == options["all"]:
        wrong = "Either one certificate is copied, or all that is missing."
        raise Refused("copy.choice", wrong, f"Say {purpose}/NAME, or {purpose} --all.")
    if not name:
        return purpose, Wanted((source,))
    return purpose, Wanted((source,), (chosen(options).fingerprint,))


def _question(found: Copying) -> Iterable[str]:
    names = ", ".join(row.file_name for row in found.rows[:_NAMED])
    more = f" and {len(found.rows) - _NAMED:,} more" if len(found.rows) > _NAMED else ""
    yield f"This adds to {found.purpose} of {found.target}: {names}{more}."
    for check in found.warnings[:_NAMED]:
        yield f"warning: {check}"
    if len(found.warnings) > _NAMED:
        yield f"And {len(found.warnings) - _NAMED:,} more warnings."
    yield f"{found.purpose.service} must be restarted on every node afterwards."


def _own(node: Node, row: Certificate | None) -> dict[str, Any]:
    return {
        "node": str(node),
        "type": row.get_type_display() if row else "",
        "expiration": row.not_after.isoformat() if row and row.not_after else "",
        "fingerprint": row.fingerprint if row else "",
    }


def _compared(one: Compared) -> dict[str, Any]:
    row = one.certificate
    return {
        "common_name": row.common_name,
        "issued_by": row.issuer_common_name,
        "expiration": row.not_after.isoformat() if row.not_after else "",
        "fingerprint": row.fingerprint,
        "nodes": {str(place.node): place.is_there for place in one.places},
    }


def _row(one: Compared) -> dict[str, Any]:
    row = one.certificate
    places = {
        visible(str(place.node)): "there" if place.is_there else "missing" for place in one.places
    }
    return {
        "common_name": row.common_name,
        "fingerprint": row.fingerprint[:16],
        "expiration": f"{row.not_after:%Y-%m-%d}" if row.not_after else "",
        **places,
    }
