"""`./ccxsec cert`: list, show, export, regenerate, import, roll back and delete certificates."""

from collections.abc import Mapping
from typing import Any

from django.core.management import CommandParser
from django.db.models import Q
from django.utils import timezone

from certificates.access import command_line
from certificates.cells import at, expiry
from certificates.conditions import from_words
from certificates.find import CSR_ONLY, to_query
from certificates.management.chosen import chosen
from certificates.management.deploy_verb import DeployVerb
from certificates.management.import_verb import ImportVerb
from certificates.management.operator_command import Answer, Judged, add_node, ask, finish, node_of
from certificates.management.trust_verbs import TrustVerbs
from certificates.models import Certificate, Deployment, Node, Purpose, SigningRequest
from certificates.operations.delete import Impact, delete_trusted, impact_of
from certificates.operations.examination import WARNINGS
from certificates.operations.generate import EVERYTHING, generate, suggestions
from certificates.operations.roll_back import RollBack, examine_roll_back, roll_back
from certificates.refusal import Finding, Refused
from certificates.x509.details import describe
from certificates.x509.facts import CertificateType
from certificates.x509.names import Subject
from certificates.x509.policy import DEFAULT_DAYS, KEY_LENGTHS, KeyChoice
from certificates.x509.visible import visible

CURVES = {"P-256": KeyChoice.EC_P256, "P-384": KeyChoice.EC_P384, "P-521": KeyChoice.EC_P521}


class Command(ImportVerb, DeployVerb, TrustVerbs):
    help = "Certificates and trust stores of the nodes."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = self.verb(verbs, "list", self.list, "list certificates and signing requests")
        listing.add_argument("kind", nargs="?", choices=["own", "trust", "csr"])
        listing.add_argument(
            "--find",
            action="append",
            default=[],
            metavar='"FIELD OPERATOR VALUE"',
            help='such as "common_name contains ccx"; may be repeated, all must match',
        )
        listing.add_argument("--node", metavar="NAME", help="host name; default: every node")
        shown = self.verb(verbs, "show", self.show, "show every part of a certificate")
        shown.add_argument("name", metavar="PURPOSE[/NAME]")
        add_node(shown)
        export = self.verb(verbs, "export", self.export, "write a certificate to standard output")
        export.add_argument("name", metavar="PURPOSE[/NAME]")
        export.add_argument("--format", choices=["pem", "der"], default="pem")
        add_node(export)
        self._add_regen(verbs)
        self.add_import(verbs)
        self.add_deploy(verbs)
        self.add_compare(verbs)
        self.add_copy(verbs)
        back = self.verb(verbs, "rollback", self.rollback, "bring the former certificate back")
        back.add_argument("purpose", metavar="PURPOSE", help="tomcat or ipsec")
        back.add_argument("--to", default="", metavar="SHA256", help="default: the last one")
        back.add_argument("--dry-run", action="store_true", help="check, and change nothing")
        add_node(back)
        delete = self.verb(verbs, "delete", self.delete, "delete trust certificates")
        delete.add_argument("names", nargs="+", metavar="PURPOSE/NAME")
        delete.add_argument("--yes", action="store_true", help="confirm every caution")
        add_node(delete)

    def _add_regen(self, verbs: Any) -> None:
        regen = self.verb(verbs, "regen", self.regen, "replace an own certificate (self-signed)")
        regen.add_argument("purpose", metavar="PURPOSE", help="tomcat or ipsec")
        lengths = ", ".join(map(str, KEY_LENGTHS))
        regen.add_argument("--key-length", type=int, metavar="N", help=f"RSA bits: {lengths}")
        regen.add_argument("--curve", choices=CURVES, help="an elliptic curve instead of RSA")
        regen.add_argument("--days", type=int, default=DEFAULT_DAYS, help="of validity")
        regen.add_argument("--common-name", metavar="NAME", help="default: the node's host name")
        regen.add_argument(
            "--san",
            action="append",
            metavar="NAME",
            help="host name or address; may be repeated; default: those of the node",
        )
        regen.add_argument("--yes", action="store_true", help="confirm every caution")
        add_node(regen)

    def list(self, options: dict[str, Any]) -> Answer:
        conditions = [from_words(text) for text in options["find"]]
        place = Q(node=node_of(options)) if options["node"] else Q()
        rows: list[Mapping[str, Any]] = []
        if options["kind"] in (None, "csr"):
            wanted = to_query(conditions, requests=True)
            pending = SigningRequest.objects.pending().filter(place, wanted)
            rows += [_request_line(row) for row in pending.select_related("node")]
        if options["kind"] != "csr":
            found = Certificate.objects.active().filter(place, to_query(conditions))
            if options["kind"]:
                found = found.filter(is_own=options["kind"] == "own")
            found = found.select_related("node").defer("der").in_list_order()
            rows += [_line(row) for row in found.iterator(chunk_size=1000)]
        return rows

    def show(self, options: dict[str, Any]) -> Answer:
        row = chosen(options)
        described = describe(bytes(row.der))
        when = expiry(row.not_after, timezone.now())
        return {
            **_line(row),
            "validity": f"{row.not_before} to {row.not_after} ({when.word}, {when.distance})",
            "serial_number": described.serial_number,
            "subject": row.subject,
            "issuer": row.issuer,
            "public_key": list(described.public_key),
            "signature_algorithm": described.signature_algorithm,
            "extensions": [
                f"{extension.name}{' (critical)' if extension.critical else ''}: {line}"
                for extension in described.extensions
                for line in extension.lines
            ],
            "fingerprints": [f"{name} {value}" for name, value in described.fingerprints],
            "undecoded": [*row.undecoded],
            "pem": row.pem.decode(),
        }

    def export(self, options: dict[str, Any]) -> Answer:
        row = chosen(options)
        return row.pem if options["format"] == "pem" else bytes(row.der)

    def regen(self, options: dict[str, Any]) -> Answer:
        node, purpose = node_of(options), Purpose.own_named(options["purpose"])
        current = node.certificates.active().for_purpose(purpose).first()
        subject, names = suggestions(node)
        if options["common_name"]:
            subject = Subject(common_name=options["common_name"])
        if not options["yes"]:
            self._ask(node, purpose, current, _key(options))
        done = generate(
            node,
            purpose,
            key=_key(options),
            subject=subject,
            names=options["san"] or names,
            days=options["days"],
            replacing=current.fingerprint if current else "",
            confirmed=EVERYTHING,  # by --yes, or by the answer to the question
            actor=command_line(),
            now=timezone.now(),
        )
        if done.job:
            finish(done.job.pk, str(done.certificate))
        return {
            "generated": done.certificate.file_name,
            "node": str(node),
            "key": done.certificate.key_label,
            "fingerprint": done.certificate.fingerprint,
            "valid_until": _line(done.certificate)["expiration"],
            "replaced": done.superseded.fingerprint if done.superseded else "",
            "restart_required": purpose.service.value if done.superseded else "",
            "next": _next(purpose, node, is_new=done.superseded is None),
        }

    def _ask(self, node: Node, purpose: Purpose, current: Certificate | None, key: str) -> None:
        lines = [
            f"This replaces the {purpose} certificate of {node}; clients that trust",
            "the present one must learn to trust the new one.",
        ]
        if current and current.type == CertificateType.CA_SIGNED:
            issuer = current.issuer_common_name
            lines.append(f"It overwrites a certificate that was signed by a CA ({issuer}).")
        if key == KeyChoice.RSA_1024:
            lines.append("A key of 1024 bits is legacy: it can be broken.")
        ask(self, *lines)

    def rollback(self, options: dict[str, Any]) -> Answer:
        node, purpose = node_of(options), Purpose.own_named(options["purpose"])
        found = examine_roll_back(node, purpose, to=options["to"], now=timezone.now())
        for warning in found.warnings:
            self.stderr.write(f"warning: {visible(str(warning))}")
        if options["dry_run"]:
            return _rolled_back(found, found.failed)
        done = roll_back(
            node,
            purpose,
            to=options["to"],
            shown=found.shown,
            confirmed=[WARNINGS],  # who runs the command wants them
            actor=command_line(),
            now=timezone.now(),
        )
        if done.job:
            finish(done.job.pk, str(done.certificate))
        answer = dict(_rolled_back(found, None).answer or {})
        return answer | {"next": _next(purpose, node, is_new=False)}

    def delete(self, options: dict[str, Any]) -> Answer:
        rows = [chosen({**options, "name": name}) for name in options["names"]]
        keys = [row.pk for row in rows]
        impact = impact_of(keys, now=timezone.now())
        if not options["yes"]:
            ask(self, *_caution(impact))
        done = delete_trusted(keys, shown=impact.shown, actor=command_line(), now=timezone.now())
        for job in done.jobs:
            finish(job.pk, "trust store")
        return {
            "deleted": [f"{row.purpose}/{row.file_name}" for row in impact.certificates],
            "node": ", ".join(map(str, impact.nodes)),
            "broken_paths": [str(row) for row in impact.dependent],
            "removed_requests": [_request_line(row)["file_name"] for row in impact.requests],
            "restart_required": ", ".join(impact.services),
        }


def _rolled_back(found: RollBack, failed: Finding | None) -> Judged:
    """What came back, or would, in the place of what."""
    former = found.former
    answer = {
        "rolled_back": former.file_name,
        "node": str(former.node),
        "common_name": former.common_name,
        "issued_by": former.issuer_common_name,
        "fingerprint": former.fingerprint,
        "valid_until": _line(former)["expiration"],
        "replaced": found.current.fingerprint,
        "checks": [f"{check.outcome}  {check.code}: {check}" for check in found.checks],
        "restart_required": former.serves.service.value,
    }
    return Judged(answer, str(failed) if failed else None)


def _caution(impact: Impact) -> list[str]:
    """What depends on the certificates, line by line."""
    names = ", ".join(f"{row.purpose}/{row.file_name}" for row in impact.certificates[:10])
    lines = [f"Deleting {names} can affect your system: what they have signed is not trusted."]
    lines += [f"The path of the {row} needs them." for row in impact.dependent]
    for row in impact.requests:
        lines.append(f"The {row} of {at(row.created_at)} is removed, too.")
    return lines


def _next(purpose: Purpose, node: Node, *, is_new: bool) -> str:
    if is_new:
        return ""
    can_be_run = Deployment.objects.place(node, purpose.service).can_restart
    restart = "./ccxsec restart run" if can_be_run else "by hand, then ./ccxsec restart ack"
    return f"Restart {purpose.service} ({restart}). Then make a backup."


def _key(options: Mapping[str, Any]) -> str:
    if options["curve"] and options["key_length"]:
        wrong = "--curve and --key-length exclude each other."
        raise Refused("key.size", wrong, "Give one of them.")
    if options["curve"]:
        return CURVES[options["curve"]].value
    return f"rsa-{options['key_length']}" if options["key_length"] else KeyChoice.RSA_3072.value


def _line(row: Certificate) -> dict[str, Any]:
    return {
        "certificate": row.purpose,
        "file_name": row.file_name,
        "common_name": row.common_name,
        "type": row.get_type_display(),
        "key": row.key_label,
        "node": row.node.host_name,
        "issued_by": row.issuer_common_name,
        "expiration": row.not_after.isoformat() if row.not_after else "",
        "fingerprint": row.fingerprint,
    }


def _request_line(row: SigningRequest) -> dict[str, Any]:
    return {
        "certificate": row.purpose,
        "file_name": row.file_name,
        "common_name": row.common_name,
        "type": CSR_ONLY,
        "key": row.key_label,
        "node": row.node.host_name,
        "issued_by": "",
        "expiration": "",
        "fingerprint": "",
    }
