"""What must hold at every moment, also after a kill: asked in the worker, an answer in words."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_der_private_key,
    load_pem_private_key,
)
from django.utils import timezone

from certificates.access import Actor
from certificates.models import (
    Certificate,
    Deployment,
    Node,
    PrivateKey,
    Purpose,
    RequestState,
    Service,
    SigningRequest,
)
from certificates.models.notice import Closing
from certificates.operations.deploy import check, store_of
from certificates.secrets import SealError, place, unseal
from certificates.x509.facts import CertificateType
from tests.lab.authority import CHAIN
from tests.lab.told import told_violations

_sound: set[tuple[str, bytes]] = set()  # rows whose sealed key was opened and compared


def violations(settled: bool = False) -> list[str]:
    """What is wrong now.

    Args:
        settled: after a recovery, when also the store must be what the database intends.
    """
    return [
        *key_violations(),
        *_active_violations(),
        *_request_violations(),
        *_chain_violations(),
        *_store_violations(settled=settled),
        *told_violations(whole=settled),
    ]


def key_violations() -> Iterator[str]:
    """Every own certificate has a sealed key, and it is its own."""
    own = Certificate.objects.own().select_related("private_key")
    for row in own.only("private_key__sealed"):
        what = f"certificate {row.pk}"
        if row.private_key is None:
            yield f"key.missing: {what}"
        else:
            yield from _seal_violations(row, what, row.private_key)


def _active_violations() -> Iterator[str]:
    for node in Node.objects.all():
        for purpose in Purpose.own():
            here = node.certificates.for_purpose(purpose)
            many = here.active().count()
            if many != 1 and (here.exists() or node.is_local):
                yield f"active.count: {many} for {purpose} of {node}"


def _seal_violations(
    owner: Certificate | SigningRequest, what: str, row: PrivateKey
) -> Iterator[str]:
    known = (what, bytes(row.sealed))
    if known in _sound:
        return
    try:
        key: Any = load_der_private_key(unseal(bytes(row.sealed), place(row, "sealed")), None)
    except SealError as error:
        yield f"key.sealed: {error}"
        return
    shown: x509.Certificate | x509.CertificateSigningRequest
    if isinstance(owner, Certificate):
        shown = x509.load_der_x509_certificate(bytes(owner.der))
    else:
        shown = x509.load_pem_x509_csr(owner.pem.encode())
    if key.public_key() != shown.public_key():
        yield f"key.other: {what}"
        return
    _sound.add(known)


def _request_violations() -> Iterator[str]:
    own = Certificate.objects.own().exclude(private_key=None)
    key_of = dict(own.values_list("pk", "private_key"))
    installed = set(key_of.values())
    pending = Counter[tuple[int, str]]()
    waiting: dict[tuple[int, str], bool] = {}
    rows = SigningRequest.objects.select_related("private_key").prefetch_related("nodes")
    for row in rows.defer("pem", "subject", "subject_alternative_names"):
        what = f"request {row.pk}"
        if row.private_key is None:
            yield f"key.missing: {what}"
            continue
        yield from _seal_violations(row, what, row.private_key)
        nodes = [node.pk for node in row.nodes.all()]
        if row.node_id not in nodes:
            yield f"request.nodes: {what}"
        is_answered = row.private_key_id in installed
        if (row.state == RequestState.CONSUMED) != is_answered:
            yield f"request.consumed: {what} is {row.state}"
        if is_answered and key_of.get(row.certificate_id or 0) != row.private_key_id:
            yield f"request.answer: {what}"
        for node in nodes:
            at = (node, row.purpose)
            pending[at] += row.is_pending
            waiting[at] = waiting.get(at, False) or row.state != RequestState.SUPERSEDED
    yield from (f"request.count: {many} at {at}" for at, many in pending.items() if many > 1)
    yield from (
        f"request.lost: nothing superseded the one at {at}" for at in waiting if not waiting[at]
    )
    unused = PrivateKey.objects.filter(certificates=None, signing_request=None)
    yield from (f"key.orphan: {row.pk}" for row in unused)


def _chain_violations() -> Iterator[str]:
    """The issuers of a chain are in the store if and only if its identity was installed."""
    columns = ("node", "purpose", "subject_digest", "issuer_digest")
    trust = set(Certificate.objects.trust().values_list(*columns))
    subjects = {(node, purpose, subject) for node, purpose, subject, _ in trust}
    own = Certificate.objects.own().filter(type=CertificateType.CA_SIGNED)
    chained = own.filter(issuer_common_name__startswith=CHAIN)
    below = {
        (node, f"{purpose}-trust", issuer)
        for node, purpose, issuer in chained.values_list("node", "purpose", "issuer_digest")
    }
    yield from (f"chain.half: {missing} is not in the store" for missing in below - subjects)
    below |= {(node, purpose, issuer) for node, purpose, s, issuer in trust if s != issuer}
    ours = Certificate.objects.trust().filter(common_name__startswith=CHAIN)
    for node, purpose, subject, _ in ours.values_list(*columns):
        if (node, purpose, subject) not in below:
            yield f"chain.half: {subject} is in the store alone"


def _store_violations(*, settled: bool) -> Iterator[str]:
    for deployment in Deployment.objects.select_related("node").filter(node__is_local=True):
        node, service = deployment.node, Service(deployment.service)
        try:
            shown = _shown(store_of(service).current)
        except FileNotFoundError as error:
            yield f"store.missing: {error.filename}"
        except (ValueError, InvalidSignature, TypeError) as error:
            yield f"store.torn: {service}: {error}"
        else:
            if settled:
                yield from _intent_violations(node, service, shown)
        if settled and not deployment.is_in_force:
            yield f"store.outdated: {service}"
        yield from difference(node, service, settled=settled)


def difference(node: Node, service: Service, *, settled: bool) -> Iterator[str]:
    """A kill never looks like a change by hand, and after a recovery nothing differs."""
    found = check(node, service, actor=Actor("lab"), now=timezone.now())
    yield from (f"store.foreign: {service}: {line}" for line in found.foreign)
    if settled:
        yield from (f"store.behind: {service}: {line}" for line in found.behind)


def violations_there(settled: bool) -> list[str]:
    """What is wrong in the other server's store, read as its services do."""
    node = Node.objects.get(host_name="ccx2.example.com")
    place = Deployment.objects.get(node=node, service="tomcat")
    try:
        (leaf, *_), _trusted = _shown(Path(place.folder) / "current")
    except (OSError, ValueError) as error:
        return [f"store.torn: {error}"]
    found = list(difference(node, Service.TOMCAT, settled=settled))
    shown = leaf.serial_number
    known = node.certificates.for_purpose(Purpose.TOMCAT).values_list("serial_number", flat=True)
    if f"{shown:x}" not in {number.lstrip("0") for number in known}:
        found.append(f"store.stranger: {shown:x}")
    return found


def _shown(folder: Path) -> tuple[list[x509.Certificate], set[bytes]]:
    """The identity with its chain, and the trusted ones; `ValueError` when they do not fit."""
    leaf, chain = (folder / "cert.pem").read_bytes(), (folder / "chain.pem").read_bytes()
    key: Any = load_pem_private_key((folder / "key.pem").read_bytes(), None)
    trusted = (folder / "trust.pem").read_bytes()
    if (folder / "fullchain.pem").read_bytes() != leaf + chain:
        raise ValueError("fullchain.pem is of another certificate")
    sent = x509.load_pem_x509_certificates(leaf + chain)
    if key.public_key() != sent[0].public_key():
        raise ValueError("key.pem is of another certificate")
    for below, above in pairwise(sent):
        below.verify_directly_issued_by(above)
    anchors = x509.load_pem_x509_certificates(trusted) if trusted else []
    return sent, {one.public_bytes(Encoding.DER) for one in anchors}


def _intent_violations(
    node: Node, service: Service, shown: tuple[list[x509.Certificate], set[bytes]]
) -> Iterator[str]:
    (leaf, *chain), trusted = shown
    own = node.certificates.active().get(purpose=service.value)
    if leaf.fingerprint(hashes.SHA256()).hex() != own.fingerprint:
        yield f"store.other: {service}"
    store = node.certificates.active().for_purpose(Purpose(f"{service.value}-trust"))
    if {bytes(row.der) for row in store} != trusted:
        yield f"store.trust: {service}"
    has_issuer = store.filter(subject_digest=own.issuer_digest).exists()
    if has_issuer != bool(chain):
        yield f"store.chain: {service}: {len(chain)} certificates"
    notices = node.restart_notices.filter(service=service.value)
    notice = notices.filter(closed_at=None).first()
    replaced = node.certificates.former().for_purpose(Purpose(service.value)).exists()
    if replaced and not notices.filter(closing__in=[Closing.OPEN, Closing.ACKNOWLEDGED]).exists():
        yield f"notice.missing: {service}"
    if notice and notice.fingerprint not in ("", own.fingerprint):
        yield f"notice.other: {service}"
