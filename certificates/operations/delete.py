"""Delete trust certificates; what depends on each is named first (CM-5, CM-6)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import (
    Action,
    Certificate,
    Event,
    Job,
    Node,
    Purpose,
    RequestState,
    SigningRequest,
)
from certificates.operations.consequences import ask_for_restarts, intend, lock_places
from certificates.operations.paths import chain_of_path, path_in_store
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.facts import CertificateType

MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Impact:
    """What the deletion of some trust certificates means.

    `dependent`: own certificates in force whose path would be broken, or shorter. `issued`: how
    many other certificates of the same stores name one of these as their issuer. `requests`:
    pending ones that go too (CM-6).
    """

    certificates: tuple[Certificate, ...]
    dependent: tuple[Certificate, ...]
    issued: int
    requests: tuple[SigningRequest, ...]

    @property
    def nodes(self) -> list[Node]:
        return list(dict.fromkeys(row.node for row in self.certificates))

    @property
    def services(self) -> list[str]:
        return sorted({row.serves.service.value for row in self.certificates})

    @property
    def shown(self) -> str:
        """Stands for what the operator sees."""
        groups = (self.certificates, self.dependent, self.requests)
        text = "|".join(",".join(str(row.pk) for row in rows) for rows in groups)
        return sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Deleted:
    impact: Impact
    jobs: tuple[Job, ...]


def impact_of(chosen: Collection[int], *, now: datetime) -> Impact:
    """What would happen if these rows were deleted.

    Raises:
        Refused: certificate.unknown, delete.own, delete.many.
    """
    if len(chosen) > MOST_AT_ONCE:
        wrong = say(
            "{count} certificates are more than {most}.",
            count=len(chosen),
            most=MOST_AT_ONCE,
        )
        raise Refused("delete.many", wrong, say("Delete them in several steps."))
    found = Certificate.objects.filter(pk__in=chosen).select_related("node")
    rows = tuple(found.defer("subject", "undecoded").in_list_order())
    if len(rows) != len(set(chosen)) or not rows:
        wrong = say("A chosen certificate is not there any more.")
        raise Refused("certificate.unknown", wrong, say("Look at the list, and choose again."))
    own = next((row for row in rows if row.is_own), None)
    if own:
        wrong = say("The {own} is an identity: it can be replaced, not deleted.", own=own)
        cure = say("Generate a new one, or upload one that a CA has signed.")
        raise Refused("delete.own", wrong, cure)
    places = dict.fromkeys((row.node, row.serves.service) for row in rows)
    dependent: list[Certificate] = []
    requests: list[SigningRequest] = []
    for node, service in places:
        purpose = Purpose(service.value)
        gone = [row.pk for row in rows if (row.node, row.serves.service) == (node, service)]
        dependent += _dependent(node, purpose, gone, now)
        requests += SigningRequest.objects.pending().for_place(node, purpose).select_related("node")
    return Impact(rows, tuple(dependent), _issued(rows), tuple(dict.fromkeys(requests)))


def _dependent(
    node: Node, purpose: Purpose, gone: Sequence[int], now: datetime
) -> list[Certificate]:
    """Those that are trusted no more, or whose server would send fewer issuers."""
    own = node.certificates.active().for_purpose(purpose).select_related("node")
    found = []
    for row in own.filter(type=CertificateType.CA_SIGNED):
        der = bytes(row.der)
        before = path_in_store(node, purpose, der, now=now)
        after = path_in_store(node, purpose, der, without=gone, now=now)
        is_shorter = chain_of_path(after.path) != chain_of_path(before.path)
        if before.trusted and (is_shorter or not after.trusted):
            found.append(row)
    return found


def _issued(rows: Sequence[Certificate]) -> int:
    """Others of the same stores that name one of these as their issuer."""
    issued = 0
    for row in rows:
        if row.subject_digest:
            store = Certificate.objects.trust().filter(node=row.node, purpose=row.purpose)
            below = store.filter(issuer_digest=row.subject_digest)
            issued += below.exclude(pk__in=[one.pk for one in rows])[:1000].count()
    return issued


def delete_trusted(chosen: Collection[int], *, shown: str, actor: Actor, now: datetime) -> Deleted:
    """Delete trust certificates, and the pending requests that the operator was told of.

    Args:
        chosen: keys of the rows.
        shown: `Impact.shown` of what the operator was shown.

    Raises:
        PermissionDenied: `actor` may not delete.
        Refused: what `impact_of` raises, state.changed. Nothing was changed.
    """
    actor.require(Permission.DELETE)
    first = impact_of(chosen, now=now)
    with transaction.atomic():
        deployments = [
            deployment
            for service in sorted({row.serves.service for row in first.certificates})
            for deployment in lock_places(first.nodes, service)
        ]
        impact = impact_of(chosen, now=now)
        if impact.shown != shown:
            wrong = say("What depends on these certificates was changed since you looked at it.")
            raise Refused("state.changed", wrong, say("Look at it again, then decide."))
        touched = {(row.node_id, row.serves.service.value) for row in impact.certificates}
        gone = [
            (row, {"fingerprint": row.fingerprint, "subject": row.common_name})
            for row in impact.certificates
        ]
        Event.objects.record_many(str(actor), Action.TRUST_DELETE, gone)
        for request in impact.requests:
            request.close(RequestState.CANCELLED, by=str(actor), now=now)
            Event.objects.record(str(actor), Action.REQUEST_CANCEL, request)
        Certificate.objects.filter(pk__in=[row.pk for row in impact.certificates]).delete()
        for place in {(row.node, row.serves) for row in impact.certificates}:
            reason = f"{place[1]} of {place[0]} changed: certificates were deleted."
            ask_for_restarts(*place, reason, now=now)
        jobs = [intend(one, actor) for one in deployments if (one.node_id, one.service) in touched]
    return Deleted(impact, tuple(job for job in jobs if job))
