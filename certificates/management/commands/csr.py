"""`./ccxsec csr`: make, list, show and cancel certificate signing requests (CM-16 to CM-18)."""

from collections.abc import Mapping
from typing import Any

from django.core.management import CommandParser
from django.utils import timezone

from certificates.access import command_line
from certificates.cells import at
from certificates.management.operator_command import (
    Answer,
    OperatorCommand,
    add_node,
    ask,
    node_of,
)
from certificates.models import Node, Purpose, SigningRequest
from certificates.operations.request import (
    EVERYTHING,
    cancel_request,
    note_download,
    pending_for,
    reopen_request,
    request_certificate,
    suggestions_for,
)
from certificates.refusal import Refused
from certificates.x509.csr import RequestHash, read_request
from certificates.x509.names import Subject
from certificates.x509.policy import KEY_LENGTHS, KeyChoice


class Command(OperatorCommand):
    help = "Certificate signing requests for a CA."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        self._add_gen(verbs)
        listing = self.verb(verbs, "list", self.list, "list the pending requests")
        listing.add_argument("--all", action="store_true", help="also those that are closed")
        listing.add_argument("--node", metavar="NAME", help="host name; default: every node")
        shown = self.verb(verbs, "show", self.show, "show the pending request, with its PEM")
        shown.add_argument("purpose", metavar="PURPOSE", help="tomcat or ipsec")
        shown.add_argument("--pem", action="store_true", help="nothing but the PEM")
        add_node(shown)
        cancel = self.verb(verbs, "cancel", self.cancel, "cancel the pending request")
        cancel.add_argument("purpose", metavar="PURPOSE", help="tomcat or ipsec")
        add_node(cancel)
        reopen = self.verb(verbs, "reopen", self.reopen, "wait again for the answer to a request")
        reopen.add_argument("number", type=int, metavar="NUMBER", help="see csr list --all")
        reopen.add_argument("--yes", action="store_true", help="confirm every caution")

    def _add_gen(self, verbs: Any) -> None:
        gen = self.verb(verbs, "gen", self.gen, "make a key and a signing request")
        gen.add_argument("purpose", metavar="PURPOSE", help="tomcat or ipsec")
        lengths = ", ".join(map(str, KEY_LENGTHS))
        gen.add_argument("--key-length", type=int, default=3072, metavar="N", help=lengths)
        gen.add_argument("--hash", default=RequestHash.SHA256.value, help=", ".join(RequestHash))
        gen.add_argument("--common-name", metavar="NAME", help="default: the node's host name")
        gen.add_argument("--san", action="append", metavar="NAME", help="may be repeated")
        for part in ("organization", "organizational-unit", "locality", "state", "country"):
            gen.add_argument(f"--{part}", default="", metavar="TEXT")
        gen.add_argument("--multi-server", action="store_true", help="one identity for every node")
        gen.add_argument("--yes", action="store_true", help="confirm every caution")
        add_node(gen)

    def gen(self, options: dict[str, Any]) -> Answer:
        node, purpose = node_of(options), Purpose.own_named(options["purpose"])
        others = list(Node.objects.in_restart_order().exclude(pk=node.pk))
        nodes = [node, *(others if options["multi_server"] else [])]
        pending = pending_for(nodes, purpose)
        key = f"rsa-{options['key_length']}"
        cautions = [_superseding(row) for row in pending]
        if key == KeyChoice.RSA_1024:
            cautions.append("A key of 1024 bits is legacy: it can be broken.")
        if cautions and not options["yes"]:
            ask(self, *cautions)
        done = request_certificate(
            node,
            purpose,
            key=key,
            signed_with=options["hash"].upper().replace("-", ""),
            subject=_subject(options, nodes),
            names=options["san"],
            others=nodes[1:],
            replacing=[row.pk for row in pending],
            confirmed=EVERYTHING if cautions else [],
            actor=command_line(),
            now=timezone.now(),
        )
        return _line(done.request) | {
            "superseded": [row.public_key_fingerprint for row in done.superseded],
            "pem": done.request.pem,
        }

    def list(self, options: dict[str, Any]) -> Answer:
        rows = SigningRequest.objects.select_related("node").order_by("-pk")
        if not options["all"]:
            rows = rows.pending()
        if options["node"]:
            rows = rows.filter(nodes=node_of(options))
        return [_line(row) for row in rows.iterator(chunk_size=500)]

    def show(self, options: dict[str, Any]) -> Answer:
        row = _pending(options)
        if options["pem"]:
            note_download(row, actor=command_line(), now=timezone.now())
            return row.pem.encode()
        facts = read_request(row.pem.encode())
        return _line(row) | {
            "subject": facts.subject,
            "subject_alternative_names": list(facts.subject_alternative_names),
            **{name.lower().replace(" ", "_"): words for name, words in facts.extensions},
            "signed_with": facts.signed_with,
            "pem": row.pem,
        }

    def cancel(self, options: dict[str, Any]) -> Answer:
        row = _pending(options)
        cancel_request(row, actor=command_line(), now=timezone.now())
        return {"cancelled": row.file_name, "number": row.pk, "node": str(row.node)}

    def reopen(self, options: dict[str, Any]) -> Answer:
        row = SigningRequest.objects.select_related("node").filter(pk=options["number"]).first()
        if row is None:
            wrong = f"There is no signing request {options['number']}."
            raise Refused("request.unknown", wrong, "See ./ccxsec csr list --all.")
        pending = pending_for(list(row.nodes.all()), row.serves)
        if pending and not options["yes"]:
            ask(self, *map(_superseding, pending))
        done = reopen_request(
            row,
            replacing=[one.pk for one in pending],
            confirmed=EVERYTHING,
            actor=command_line(),
            now=timezone.now(),
        )
        return _line(done.request) | {"superseded": [one.pk for one in done.superseded]}


def _superseding(row: SigningRequest) -> str:
    made = at(row.created_at)
    return f"This supersedes the pending {row} of {made} ({row.common_name})."


def _subject(options: Mapping[str, Any], nodes: list[Node]) -> Subject:
    suggested, _ = suggestions_for(nodes)
    return Subject(
        common_name=options["common_name"] or suggested.common_name,
        organization=options["organization"],
        organizational_unit=options["organizational_unit"],
        locality=options["locality"],
        state=options["state"],
        country=options["country"].upper(),
    )


def _pending(options: Mapping[str, Any]) -> SigningRequest:
    node, purpose = node_of(options), Purpose.own_named(options["purpose"])
    row = SigningRequest.objects.pending().for_place(node, purpose).select_related("node").first()
    if row is None:
        wrong = f"No signing request is pending for {purpose} of {node}."
        raise Refused("request.none", wrong, f"Make one: ./ccxsec csr gen {purpose}.")
    return row


def _line(row: SigningRequest) -> dict[str, Any]:
    return {
        "number": row.pk,
        "certificate": row.purpose,
        "file_name": row.file_name,
        "node": str(row.node),
        "common_name": row.common_name,
        "key": row.key_label,
        "key_fingerprint": row.public_key_fingerprint,
        "state": row.state,
        "made": row.created_at.isoformat(timespec="seconds"),
    }
