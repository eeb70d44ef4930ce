"""Generate CSR: a new key, and the request that a CA answers with a certificate (CM-16)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import transaction

from certificates.access import Actor, Permission
from certificates.cells import at
from certificates.models import (
    Action,
    BackupReminder,
    Event,
    Node,
    PrivateKey,
    Purpose,
    RequestState,
    SigningRequest,
)
from certificates.operations.consequences import lock_places
from certificates.operations.generate import suggestions
from certificates.operations.key_choice import LEGACY, chosen_key
from certificates.refusal import Refused
from certificates.sentence import lowered, say
from certificates.x509.csr import RequestFacts, RequestHash, read_request, signing_request
from certificates.x509.keys import new_key
from certificates.x509.names import Subject, alternative_names, server_name
from certificates.x509.policy import KeyChoice

PENDING = "confirm.pending"  # the refusal that asks whether the pending request may be replaced
EVERYTHING = frozenset({LEGACY, PENDING})


@dataclass(frozen=True, slots=True)
class Requested:
    request: SigningRequest
    superseded: tuple[SigningRequest, ...]


def request_certificate(
    node: Node,
    purpose: Purpose,
    *,
    key: KeyChoice | str = KeyChoice.RSA_3072,
    signed_with: RequestHash | str = RequestHash.SHA256,
    subject: Subject | None = None,
    names: Sequence[str] | None = None,
    others: Collection[Node] = (),
    replacing: Collection[int] = (),
    confirmed: Collection[str] = (),
    actor: Actor,
    now: datetime,
) -> Requested:
    """Make a key and a signing request for it; what was pending for the same place is superseded.

    Args:
        key: an RSA one of `KeyChoice`.
        subject, names: None takes what fits the nodes (`suggestions_for`).
        others: nodes that share the identity with `node` (*Multi-server*): its names must be
            theirs, and its certificate is installed on all of them.
        replacing: keys of the pending requests that the operator was shown.
        confirmed: codes of the warnings that the operator has confirmed.

    Raises:
        PermissionDenied: `actor` may not generate.
        Refused: purpose.*, key.size, key.legacy, request.hash, name.*, san.*, confirm.legacy,
            confirm.pending, state.changed. Nothing was changed.
    """
    actor.require(Permission.GENERATE)
    purpose = Purpose.own_named(purpose)
    choice = chosen_key(key, confirmed, rsa_only=True)
    nodes = [node, *(other for other in others if other != node)]
    certified, certified_names = _to_certify(nodes, subject, names)
    hash_name = _chosen_hash(signed_with)
    private_key = new_key(choice)  # up to seconds of work: before the lock, never under it
    assert isinstance(private_key, rsa.RSAPrivateKey)  # noqa: S101 - `rsa_only` above
    pem = signing_request(
        private_key, subject=certified, names=certified_names, signed_with=hash_name
    )
    facts = read_request(pem)
    with transaction.atomic():
        lock_places(nodes, purpose.service)
        pending = pending_for(nodes, purpose)
        _refuse_stale(node, purpose, pending, replacing)
        _ask_before_superseding(pending, confirmed)
        for former in pending:
            former.close(RequestState.SUPERSEDED, by=str(actor), now=now)
        sealed = PrivateKey.objects.seal(private_key)
        request = _row(node, purpose, facts, pem, sealed)
        request.made_by = str(actor)[:200]
        request.save(force_insert=True)
        request.nodes.set(nodes)
        Event.objects.record(
            str(actor),
            Action.REQUEST_GENERATE,
            request,
            key=request.key_label,
            key_fingerprint=request.public_key_fingerprint,
            superseded=", ".join(former.public_key_fingerprint for former in pending),
            nodes=", ".join(map(str, nodes)),
        )
        BackupReminder.objects.remind(f"{request}", now)  # its key is nowhere else
    return Requested(request, tuple(pending))


def _to_certify(
    nodes: Sequence[Node], subject: Subject | None, names: Sequence[str] | None
) -> tuple[x509.Name, list[x509.DNSName | x509.IPAddress]]:
    suggested, suggested_names = suggestions_for(nodes)
    subject = subject or suggested
    subject = replace(subject, common_name=server_name(subject.common_name))
    return subject.to_x509(), alternative_names(suggested_names if names is None else names)


def suggestions_for(nodes: Sequence[Node]) -> tuple[Subject, list[str]]:
    """Subject and alternative names that fit one node, or several that share an identity.

    The original calls the shared one `<host>-ms.<domain>`, after the first node.
    """
    subject, names = suggestions(nodes[0])
    if len(nodes) == 1:
        return subject, names
    host, _, domain = nodes[0].host_name.partition(".")
    shared = f"{host}-ms.{domain}" if domain else f"{host}-ms"
    each = [name for node in nodes for name in (node.host_name, *node.addresses)]
    return replace(subject, common_name=shared), [shared, *dict.fromkeys(each)]


def _chosen_hash(name: RequestHash | str) -> RequestHash:
    try:
        return RequestHash(name)
    except ValueError:
        wrong = say("A request can't be signed with {name}.", name=f"{str(name)!r:.40}")
        known = ", ".join(RequestHash)
        raise Refused("request.hash", wrong, say("Choose one of: {known}.", known=known)) from None


def pending_for(nodes: Collection[Node], purpose: Purpose) -> list[SigningRequest]:
    """What a new request for these nodes would supersede."""
    rows = SigningRequest.objects.pending().filter(purpose=purpose.value, nodes__in=nodes)
    return list(rows.distinct().order_by("pk").select_related("node"))


def _refuse_stale(
    node: Node, purpose: Purpose, pending: list[SigningRequest], replacing: Collection[int]
) -> None:
    if {row.pk for row in pending} != set(replacing):
        wrong = say(
            "The {purpose} signing request of {node} was changed since you looked at it.",
            purpose=purpose,
            node=node,
        )
        cure = say("Look at the one that is pending now, then decide again.")
        raise Refused("state.changed", wrong, cure)


def _ask_before_superseding(pending: list[SigningRequest], confirmed: Collection[str]) -> None:
    if pending and PENDING not in confirmed:
        row = pending[0]
        made = at(row.created_at)
        wrong = say(
            "The {request} of {made} ({common_name}) awaits its certificate; a new request takes "
            "its place, and the answer to the former won't fit.",
            request=row,
            made=made,
            common_name=row.common_name,
        )
        raise Refused(PENDING, wrong, say("Confirm it, or use the pending request."))


def _row(
    node: Node, purpose: Purpose, facts: RequestFacts, pem: bytes, key: PrivateKey
) -> SigningRequest:
    return SigningRequest(
        node=node,
        purpose=purpose.value,
        common_name=facts.common_name,
        subject=facts.subject,
        subject_alternative_names=", ".join(facts.subject_alternative_names),
        key_type=facts.key_type,
        key_label=facts.key_label,
        public_key_fingerprint=facts.public_key_fingerprint,
        pem=pem.decode(),
        private_key=key,
    )


def cancel_request(request: SigningRequest, *, actor: Actor, now: datetime) -> None:
    """Nobody waits for its answer any more; its key is kept, so that it can be taken up again.

    Raises:
        PermissionDenied: `actor` may not generate.
        Refused: request.closed.
    """
    actor.require(Permission.GENERATE)
    with transaction.atomic():
        lock_places(request.nodes.all(), request.serves.service)
        row = SigningRequest.objects.select_related("node").get(pk=request.pk)
        if not row.is_pending:
            wrong = say(
                "The {request} of {day} is {state}.",
                request=row,
                day=f"{row.created_at:%Y-%m-%d}",
                state=lowered(row.get_state_display()),
            )
            raise Refused("request.closed", wrong, say("There is nothing to cancel."))
        row.close(RequestState.CANCELLED, by=str(actor), now=now)
        key = row.public_key_fingerprint
        Event.objects.record(str(actor), Action.REQUEST_CANCEL, row, key_fingerprint=key)


def reopen_request(
    request: SigningRequest,
    *,
    replacing: Collection[int] = (),
    confirmed: Collection[str] = (),
    actor: Actor,
    now: datetime,
) -> Requested:
    """Wait again for the answer to a request that was superseded or cancelled.

    Args:
        replacing: keys of the pending requests that the operator was shown.

    Raises:
        PermissionDenied: `actor` may not generate.
        Refused: request.open, request.answered, state.changed, confirm.pending (another one would
            be superseded).
    """
    actor.require(Permission.GENERATE)
    with transaction.atomic():
        nodes = list(request.nodes.all())
        lock_places(nodes, request.serves.service)
        row = SigningRequest.objects.select_related("node").get(pk=request.pk)
        if row.is_pending:
            wrong = say("The {request} is pending already.", request=row)
            raise Refused("request.open", wrong, say("There is nothing to take up."))
        if row.state == RequestState.CONSUMED or row.private_key_id is None:
            wrong = say(
                "The {request} of {day} was answered already.",
                request=row,
                day=f"{row.created_at:%Y-%m-%d}",
            )
            raise Refused("request.answered", wrong, say("Make a new request."))
        pending = pending_for(nodes, row.serves)
        _refuse_stale(row.node, row.serves, pending, replacing)
        _ask_before_superseding(pending, confirmed)
        for other in pending:
            other.close(RequestState.SUPERSEDED, by=str(actor), now=now)
        row.state, row.closed_at, row.closed_by = RequestState.PENDING, None, ""
        row.save(update_fields=["state", "closed_at", "closed_by"])
        Event.objects.record(
            str(actor),
            Action.REQUEST_REOPEN,
            row,
            key_fingerprint=row.public_key_fingerprint,
            superseded=", ".join(other.public_key_fingerprint for other in pending),
        )
    return Requested(row, tuple(pending))


def note_download(request: SigningRequest, *, actor: Actor, now: datetime) -> None:
    """A request was downloaded: the guide shows it (CM-19)."""
    actor.require(Permission.DOWNLOAD)
    with transaction.atomic():
        Event.objects.hold()
        SigningRequest.objects.filter(pk=request.pk).update(downloaded_at=now)
        key = request.public_key_fingerprint
        Event.objects.record(str(actor), Action.REQUEST_DOWNLOAD, request, key_fingerprint=key)
