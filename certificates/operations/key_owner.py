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
from certificates.sentence import lowered, say
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
        found = passed(
            "identity.key",
            say(
                "It answers the pending {pending} of {made}.", pending=pending, made=_made(pending)
            ),
        )
        nodes = tuple(pending.nodes.in_restart_order())
        return KeyOwner(found, pending.private_key, request=pending, nodes=nodes)
    current = node.certificates.active().for_purpose(purpose).select_related("private_key").first()
    key = current.private_key if current else None
    if key and key.public_key_fingerprint == fingerprint:
        found = passed(
            "identity.key", say("It renews the present certificate: the key is the same.")
        )
        holders = Certificate.objects.active().for_purpose(purpose).filter(private_key=key)
        nodes = tuple(Node.objects.in_restart_order().filter(certificates__in=holders))
        return KeyOwner(found, key, current=current, nodes=nodes)
    closed = here.exclude(state=RequestState.PENDING).order_by("-pk").first()
    return KeyOwner(_stale(closed) if closed else _foreign(node, purpose, fingerprint))


def _made(request: SigningRequest) -> str:
    return at(request.created_at)


def _stale(request: SigningRequest) -> Finding:
    said: dict[str, object] = {
        "number": request.pk,
        "request": request,
        "made": _made(request),
        "state": lowered(request.get_state_display()),
    }
    wrong = say(
        "It answers signing request {number}, the {request} of {made}, which was {state}.", **said
    )
    if request.closed_at:
        wrong = say(
            "It answers signing request {number}, the {request} of {made}, which was {state} on "
            "{closed}.",
            **said,
            closed=at(request.closed_at),
        )
    if request.state == RequestState.CONSUMED:
        cure = say(
            "Its key is not in force any more: roll back to that certificate, or make a new "
            "request."
        )
        return Finding("identity.stale", wrong, cure)
    cure = say(
        "Take that request up again on its page (./ccxsec csr reopen {number}), or have the "
        "present one signed.",
        number=request.pk,
    )
    return Finding("identity.stale", wrong, cure)


def _foreign(node: Node, purpose: Purpose, fingerprint: str) -> Finding:
    former = node.certificates.former().for_purpose(purpose)
    if former.filter(private_key__public_key_fingerprint=fingerprint).exists():
        wrong = say(
            "Its public key is that of a former certificate, which is not in force any more."
        )
        return Finding("identity.key", wrong, say("Roll back to that certificate."))
    pending = SigningRequest.objects.pending().select_related("node")
    elsewhere = pending.filter(public_key_fingerprint=fingerprint).first()
    if elsewhere:
        wrong = say(
            "It answers the {request}, not a request for {purpose} of {node}.",
            request=elsewhere,
            purpose=purpose,
            node=node,
        )
        cure = say(
            "Upload it to {purpose} of {node}.", purpose=elsewhere.purpose, node=elsewhere.node
        )
        return Finding("identity.key", wrong, cure)
    mine = pending.for_place(node, purpose).first()
    if mine is None:
        wrong = say(
            "No request is pending for {purpose} of {node}, and its public key is not that of the "
            "present certificate: its private key is not here.",
            purpose=purpose,
            node=node,
        )
        return Finding("identity.key", wrong, say("Generate a CSR here, and have that one signed."))
    wrong = say(
        "Its public key is neither that of the pending {request} of {made} nor that of the "
        "present certificate.",
        request=mine,
        made=_made(mine),
    )
    cure = say("Download the pending CSR, have exactly that one signed, and upload the answer.")
    return Finding("identity.key", wrong, cure)
