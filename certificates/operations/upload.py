"""Upload Certificate or Certificate Chain: examined first, then installed whole (CM-11)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import (
    Action,
    Certificate,
    Deployment,
    Event,
    Job,
    Node,
    Purpose,
    RequestState,
)
from certificates.operations.consequences import ask_for_restarts, intend, lock_places
from certificates.operations.examination import (
    Examination,
    refuse_unless_accepted,
    refused_examination,
)
from certificates.operations.examine_identity import examine_identity
from certificates.operations.examine_trust import examine_trust
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.facts import Facts
from certificates.x509.reading import Upload, read_upload


@dataclass(frozen=True, slots=True)
class Installed:
    """What an installation changed; nothing at all where everything was there already."""

    examination: Examination
    identities: tuple[Certificate, ...]
    trusted: tuple[Certificate, ...]
    superseded: tuple[Certificate, ...]
    jobs: tuple[Job, ...]


def examine(node: Node, purpose: Purpose | str, data: bytes, *, now: datetime) -> Examination:
    """Judge a file for a purpose of a node; nothing is changed, whatever it is.

    Raises:
        Refused: purpose.unknown, purpose.directory. Everything else is a check that fails.
    """
    purpose = Purpose.named(purpose)
    try:
        upload = read_upload(data)
    except Refused as refused:
        return refused_examination(node, purpose, refused)
    return _judge(node, purpose, upload, now)


def _judge(node: Node, purpose: Purpose, upload: Upload, now: datetime) -> Examination:
    judge = examine_identity if purpose.is_own else examine_trust
    return judge(node, purpose, upload, now)


def install_upload(
    node: Node,
    purpose: Purpose | str,
    data: bytes,
    *,
    shown: str,
    confirmed: Collection[str] = (),
    actor: Actor,
    now: datetime,
) -> Installed:
    """Install what a file holds: all of it in one transaction, or nothing.

    Args:
        shown: `Examination.shown` of what the operator was shown.
        confirmed: `WARNINGS`, where the operator has confirmed them.

    Raises:
        PermissionDenied: `actor` may not upload.
        Refused: the code of the first check that fails, confirm.warnings, state.changed.
    """
    actor.require(Permission.UPLOAD)
    purpose = Purpose.named(purpose)
    upload = read_upload(data)
    first = _judge(node, purpose, upload, now)
    _refuse(first, shown, confirmed)  # before anybody waits for the lock
    with transaction.atomic():
        deployments = lock_places(first.nodes or (node,), purpose.service)
        examined = _judge(node, purpose, upload, now)
        _refuse(examined, shown, confirmed)
        return _write(examined, deployments, actor, now)


def _refuse(examined: Examination, shown: str, confirmed: Collection[str]) -> None:
    if examined.shown != shown:
        wrong = say(
            "Something about {purpose} of {node} changed since you saw the checks.",
            purpose=examined.purpose,
            node=examined.node,
        )
        raise Refused("state.changed", wrong, say("Look at them again, then decide."))
    refuse_unless_accepted(examined.checks, confirmed)


def _write(
    examined: Examination, deployments: Sequence[Deployment], actor: Actor, now: datetime
) -> Installed:
    trusted = [row for node in examined.nodes for row in _add_to_store(examined, node, actor)]
    superseded = tuple(row for row in examined.replaces if row.node in examined.places)
    identities = [_install(examined, node, actor, now) for node in examined.places]
    if examined.request and identities:
        examined.request.certificate = identities[0]
        examined.request.close(RequestState.CONSUMED, by=str(actor), now=now)
    changed = {row.node_id: row for row in [*trusted, *identities]}
    jobs = [
        intend(deployment, actor) for deployment in deployments if deployment.node_id in changed
    ]
    for row in changed.values():  # an identity stands last, and so is the one that is named
        new = row.fingerprint if row.is_own else ""
        what = f"The {row} was replaced" if row.is_own else f"{row.purpose} of {row.node} changed"
        ask_for_restarts(row.node, row.serves, f"{what} by an upload.", fingerprint=new, now=now)
    return Installed(
        examined,
        tuple(identities),
        tuple(trusted),
        superseded,
        tuple(job for job in jobs if job),
    )


def _add_to_store(examined: Examination, node: Node, actor: Actor) -> list[Certificate]:
    store = Purpose(f"{examined.purpose.service}-trust")
    facts = [item.read.facts for item in examined.added if node in item.missing_on]
    return add_trusted(node, store, facts, actor) if facts else []


def add_trusted(
    node: Node,
    store: Purpose,
    facts: Sequence[Facts],
    actor: Actor,
    *,
    copied_from: str = "",
    imported_from: str = "",
) -> list[Certificate]:
    """Add certificates to a trust store, each with its event; inside the caller's transaction.

    Args:
        copied_from: the node whose store has them.
        imported_from: the cluster or file they come from; both "" for an upload.
    """
    source = {"copied_from": copied_from, "imported_from": imported_from}
    about = "Uploaded trust certificate"
    if copied_from or imported_from:
        about = f"Copied from {copied_from}" if copied_from else f"Imported from {imported_from}"
    rows = Certificate.objects.create_trust(node, store, facts, about)
    named = {name: value for name, value in source.items() if value}
    events = [
        (row, {"fingerprint": row.fingerprint, "subject": row.common_name} | named) for row in rows
    ]
    Event.objects.record_many(str(actor), Action.TRUST_ADD, events)
    return rows


def _install(examined: Examination, node: Node, actor: Actor, now: datetime) -> Certificate:
    identity, key = examined.identity, examined.key
    assert identity is not None  # noqa: S101 - every check passed
    assert key is not None  # noqa: S101 - as above
    former = next((row for row in examined.replaces if row.node_id == node.pk), None)
    if former:
        former.supersede(now)
    facts = identity.read.facts
    by = facts.issuer_common_name or facts.issuer
    shared = ", multi-server" if len(examined.nodes) > 1 else ""
    row = Certificate.objects.create_own(
        node, examined.purpose, facts, f"Certificate Signed by {by}{shared}", key
    )
    Event.objects.record(
        str(actor),
        Action.CERTIFICATE_INSTALL,
        row,
        fingerprint=row.fingerprint,
        replaced=former.fingerprint if former else "",
        request=examined.request.public_key_fingerprint if examined.request else "",
    )
    return row
