"""What this cluster would export: its own certificates, and the CAs above them (BK-2)."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bulk.exchange.export import Item, ItemRole
from bulk.exchange.identity import ClusterIdentity
from bulk.models import ExchangeServer
from certificates.models import Certificate, Node, Purpose, Service
from certificates.operations.paths import path_in_store
from certificates.refusal import Refused
from certificates.sentence import say

ALL = "all"


@dataclass(frozen=True, slots=True)
class Exporting:
    """The content of one export. `remarks`: what the operator should know about it.

    `content` stands for the certificates: another one means that something changed.
    """

    service: Service
    items: tuple[Item, ...]
    remarks: tuple[str, ...]

    @property
    def content(self) -> str:
        return content_of([item.pem for item in self.items])


def content_of(pems: list[bytes]) -> str:
    """A digest of certificates, in whatever order they stand."""
    return sha256(b"".join(sorted(sha256(pem).digest() for pem in pems))).hexdigest()


def services_of(text: str) -> list[Service]:
    """The services of a choice of the pop-up. Raises `Refused` export.type."""
    if text == ALL:
        return list(Service)
    try:
        return [Service(text)]
    except ValueError:
        wrong = say("{text} is no type of certificate to export.", text=repr(text[:40]))
        cure = say("Choose {services} or {all}.", services=", ".join(Service), all=ALL)
        raise Refused("export.type", wrong, cure) from None


def this_cluster(server: ExchangeServer) -> ClusterIdentity:
    """This cluster as its exports name it."""
    nodes = tuple(Node.objects.in_restart_order().values_list("host_name", flat=True))
    name = server.cluster_name or (nodes[0] if nodes else "")
    return ClusterIdentity(str(server.cluster_id), name, nodes)


def signing_certificates() -> dict[str, Certificate]:
    """Per service the certificate of this server whose key signs what is published."""
    own = Certificate.objects.active().own().filter(node__is_local=True)
    return {row.purpose: row for row in own.select_related("node", "private_key")}


def own_keys() -> dict[str, str]:
    """The fingerprints that other clusters compare, before they confirm this one."""
    rows = sorted(signing_certificates().items())
    return {service: _fingerprint(row) for service, row in rows}


def every_own_key() -> set[str]:
    """Those, and the ones of certificates that were replaced: what they signed is ours, too."""
    own = Certificate.objects.own().filter(node__is_local=True)
    return {_fingerprint(row) for row in own.select_related("private_key").defer("der")}


def _fingerprint(row: Certificate) -> str:
    """As `key_fingerprint` writes it."""
    assert row.private_key is not None  # noqa: S101 - a constraint of the database
    digest = bytes.fromhex(row.private_key.public_key_fingerprint)
    return f"SHA256:{b64encode(digest).decode().rstrip('=')}"


def planned_export(service: Service, *, now: datetime) -> Exporting:
    """What an export would hold now: each certificate once, identities first."""
    purpose = Purpose(service.value)
    own = Certificate.objects.active().for_purpose(purpose).select_related("node")
    rows = sorted(own, key=lambda row: (row.node.role, row.node.host_name))
    identities: dict[bytes, list[str]] = {}
    issuers: dict[bytes, list[str]] = {}
    remarks: list[str] = []
    for row in rows:
        der = bytes(row.der)
        identities.setdefault(der, []).append(row.node.host_name)
        if row.not_after and row.not_after < now:
            remarks.append(
                say("The {certificate} has expired; it is exported as it is.", certificate=row)
            )
        if row.type == "ca-signed":
            above = path_in_store(row.node, purpose, der, now=now)
            for issuer in above.path[1:]:
                issuers.setdefault(issuer, []).append(row.node.host_name)
            if not above.trusted:
                remarks.append(_untrusted(row, service))
    items = [*_items(identities, ItemRole.IDENTITY), *_items(issuers, ItemRole.ISSUER)]
    return Exporting(service, tuple(items), tuple(remarks))


def _untrusted(row: Certificate, service: Service) -> str:
    return say(
        "The CA of the {certificate} is not in {service}-trust of {node}: other clusters can't"
        " trust it by this export. Upload the CA's certificate there first.",
        certificate=row,
        service=service,
        node=row.node,
    )


def _items(found: dict[bytes, list[str]], role: ItemRole) -> Iterator[Item]:
    for der, nodes in found.items():
        yield Item(Certificate(der=der).pem, role, tuple(dict.fromkeys(nodes)))
