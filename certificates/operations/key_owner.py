"""Whose key a certificate certifies: a request's, the present one's, or nobody's here (CM-20)."""

from dataclasses import dataclass
from hashlib import sha256

from certificates.cells import at
from certificates.models import (
    Certificate,
    Node,
    PrivateKey,
    Purpose,
    RequestState,
    SigningRequest,
)
from certificates.operations.examination import passed
from certificates.refusal import Finding
from certificates.x509.reading import ReadCertificate


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """The check, and where the key is ours: the key itself and where its certificate goes.

    `request`: the pending one that the certificate answers. `current`: the certificate in force
    that it renews with the same key.
    """

    finding: Finding
    key: PrivateKey | None = None
    request: SigningRequest | None = None
    current: Certificate | None = None
    nodes: tuple[Node, ...] = ()


def key_fingerprint(read: ReadCertificate) -> str:
    """SHA-256 of the whole SubjectPublicKeyInfo, as it stands in the certificate."""
    return sha256(read.public_key_info).hexdigest()


def owner_of(node: Node, purpose: Purpose, read: ReadCertificate) -> KeyOwner:
    """Look for the key among the node's requests, then in its present certificate."""
    fingerprint = key_fingerprint(read)
    requests = SigningRequest.objects.filter(public_key_fingerprint=fingerprint)
    here = requests.for_place(node, purpose).select_related("node", "private_key")
    pending = here.pending().first()
    if pending:
        found = passed("identity.key", f"It answers the pending {pending} of {_made(pending)}.")
        nodes = tuple(pending.nodes.in_restart_order())
        return KeyOwner(found, pending.private_key, request=pending, nodes=nodes)
    current = node.certificates.active().for_purpose(purpose).select_related("private_key").first()
    key = current.private_key if current else None
    if key and key.public_key_fingerprint == fingerprint:
        found = passed("identity.key", "It renews the present certificate: the key is the same.")
        holders = Certificate.objects.active().for_purpose(purpose).filter(private_key=key)
        nodes = tuple(Node.objects.in_restart_order().filter(certificates__in=holders))
        return KeyOwner(found, key, current=current, nodes=nodes)
    closed = here.exclude(state=RequestState.PENDING).order_by("-pk").first()
    return KeyOwner(_stale(closed) if closed else _foreign(node, purpose, fingerprint))


def _made(request: SigningRequest) -> str:
    return at(request.created_at)


def _stale(request: SigningRequest) -> Finding:
    wrong = f"It answers signing request {request.pk}, the {request} of {_made(request)}, which was"
    wrong += f" {request.get_state_display().lower()}"
    wrong += f" on {at(request.closed_at)}." if request.closed_at else "."
    if request.state == RequestState.CONSUMED:
        cure = "Its key is not in force any more: roll back to that certificate, or make a new"
        return Finding("identity.stale", wrong, f"{cure} request.")
    cure = f"Take that request up again on its page (./ccxsec csr reopen {request.pk}), or have"
    cure += " the present one signed."
    return Finding("identity.stale", wrong, cure)


def _foreign(node: Node, purpose: Purpose, fingerprint: str) -> Finding:
    former = node.certificates.former().for_purpose(purpose)
    if former.filter(private_key__public_key_fingerprint=fingerprint).exists():
        wrong = "Its public key is that of a former certificate, which is not in force any more."
        return Finding("identity.key", wrong, "Roll back to that certificate.")
    pending = SigningRequest.objects.pending().select_related("node")
    elsewhere = pending.filter(public_key_fingerprint=fingerprint).first()
    if elsewhere:
        wrong = f"It answers the {elsewhere}, not a request for {purpose} of {node}."
        cure = f"Upload it to {elsewhere.purpose} of {elsewhere.node}."
        return Finding("identity.key", wrong, cure)
    mine = pending.for_place(node, purpose).first()
    if mine is None:
        wrong = f"No request is pending for {purpose} of {node}, and its public key is not that of"
        wrong += " the present certificate: its private key is not here."
        return Finding("identity.key", wrong, "Generate a CSR here, and have that one signed.")
    wrong = f"Its public key is neither that of the pending {mine} of {_made(mine)}"
    wrong += " nor that of the present certificate."
    cure = "Download the pending CSR, have exactly that one signed, and upload the answer."
    return Finding("identity.key", wrong, cure)
