"""Connect, disconnect, rekey and diagnose a policy: what an operator asks of the daemon (IP-7)."""

from collections import defaultdict
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from certificates.access import Actor, Permission
from certificates.jobs import enqueue, job
from certificates.models import Action, Event, Job
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible
from ipsec.associations import Child, text_of
from ipsec.explain import Diagnosis, explain
from ipsec.models import Kind, Policy
from ipsec.operations.apply import apply
from ipsec.operations.history import Happening, record
from ipsec.operations.state import names_of, standings
from ipsec.policy.choices import Authentication
from ipsec.policy.terms import policy_of
from ipsec.standing import Standing, Word
from ipsec.strongswan import Daemon, NegotiationFailed
from ipsec.transcripts import NOT_SENT

CONNECT, DIAGNOSE = "ipsec-connect", "ipsec-diagnose"
LINES = 40  # of the daemon's log that a diagnosis shows
HEARD_OUT = 0.2  # seconds of silence after which nothing more is expected


@transaction.atomic
def request_connect(policy: Policy, *, actor: Actor) -> Job:
    """A job that negotiates now, and tells how it went.

    Raises:
        PermissionDenied: `actor` may not operate policies.
        Refused: policy.disabled, policy.gone.
    """
    return _request(CONNECT, Action.POLICY_CONNECT, policy, actor)


@transaction.atomic
def request_diagnose(policy: Policy, *, actor: Actor) -> Job:
    """A job that negotiates now, and explains which field disagrees or what is unreachable.

    Raises:
        PermissionDenied: `actor` may not operate policies.
        Refused: policy.disabled, policy.gone.
    """
    return _request(DIAGNOSE, Action.POLICY_DIAGNOSE, policy, actor)


def disconnect(policies: Sequence[Policy], *, actor: Actor) -> list[str]:
    """End what is negotiated for policies; the next packet, or Connect, negotiates anew.

    Returns: the policies that had something to end.

    Raises:
        PermissionDenied: `actor` may not operate policies.
        DaemonError: the daemon is not there.
    """
    return _order(policies, Action.POLICY_DISCONNECT, actor, rekey=False)


def rekey(policies: Sequence[Policy], *, actor: Actor) -> list[str]:
    """Have policies negotiate new keys now, beside the traffic.

    Returns: the policies that were in force.

    Raises:
        PermissionDenied: `actor` may not operate policies.
        DaemonError: the daemon is not there.
    """
    return _order(policies, Action.POLICY_REKEY, actor, rekey=True)


def negotiate(policy: Policy, *, actor: Actor) -> Diagnosis:
    """Apply, negotiate, wait for the end, and explain it; a failure enters the history.

    Raises:
        DaemonError: the daemon is not there, or does not take the policy.
        Refused: what stands in the way of loading it.
    """
    applied = apply(actor=actor)
    connection, child, trouble = names_of([policy]).get(str(policy), ("", "", ""))
    trouble = trouble or applied.troubles.get(str(policy), "")
    if trouble:
        raise Refused("policy.trouble", trouble, say("Mend that, then try again."))
    definition = policy.definition
    lines = _lines_of(connection, child)
    is_certificate = definition.authentication is Authentication.CERTIFICATE
    diagnosis = explain(lines, definition, is_certificate=is_certificate)
    if not diagnosis.is_established:
        happening = Happening(Kind.FAILED, diagnosis.sentence, diagnosis.cure, diagnosis.field)
        record({policy.pk: happening}, at=timezone.now())
    return diagnosis


def _lines_of(connection: str, child: str) -> list[str]:
    """What the daemon writes about a negotiation, also what it can't tell whose it is.

    That a packet could not be sent is only in its general log, which a second session hears.
    """
    with (
        Daemon.open() as daemon,
        Daemon.open() as ear,
        ear.events(["log"], pause=HEARD_OUT) as log,
    ):
        next(log)  # from here on it is listened to
        try:
            lines = daemon.initiate(connection, child)
        except NegotiationFailed as failed:
            lines = failed.lines
        for event in log:
            if event is None:
                break
            text = text_of(event[1].get("msg", b""))
            if text.startswith(NOT_SENT):
                lines.append(text)
    return lines


def _request(kind: str, action: Action, policy: Policy, actor: Actor) -> Job:
    actor.require(Permission.OPERATE_POLICIES)
    Event.objects.hold()
    row = Policy.objects.filter(pk=policy.pk).first()
    if row is None:
        wrong = say("The policy {policy} was deleted meanwhile.", policy=policy)
        raise Refused("policy.gone", wrong, say("Look at the list."))
    if not row.is_enabled:
        wrong = say("{policy} is disabled: nothing is negotiated for it.", policy=row)
        raise Refused(
            "policy.disabled", wrong, say("Enable it first, on trial if you are not sure.")
        )
    Event.objects.record(str(actor), action, row)
    return enqueue(kind, str(row), started_by=str(actor), policy=row.pk)


@job(CONNECT)
def _connect_job(row: Job) -> str:
    policy = _policy_of(row)
    before = _standing(policy)
    if before.word is Word.IN_FORCE:
        return f"{policy} is in force. {before.sentence}"
    diagnosis = negotiate(policy, actor=Actor(row.started_by))
    after = _standing(policy)
    if after.word is not Word.IN_FORCE:
        wrong = after.sentence if diagnosis.is_established else diagnosis.sentence
        cure = after.cure if diagnosis.is_established else diagnosis.cure
        raise Refused("policy.negotiation", f"{policy}: {wrong}", cure)
    return f"{policy} is in force. {after.sentence}"


@job(DIAGNOSE)
def _diagnose_job(row: Job) -> str:
    policy = _policy_of(row)
    before = _standing(policy)
    if before.word is Word.IN_FORCE:
        return f"{policy} is in force: nothing disagrees. {before.sentence} {before.leak_sentence}"
    diagnosis = negotiate(policy, actor=Actor(row.started_by))
    after = _standing(policy)
    told = [diagnosis.sentence, diagnosis.cure]
    if diagnosis.is_established:
        told = [after.sentence, after.cure]
    now = timezone.now()
    for line in [*filter(None, told), *(f"log: {line}" for line in diagnosis.lines[-LINES:])]:
        row.report(visible(line), now=now)
    return f"{policy}: {after.word}."


def _policy_of(row: Job) -> Policy:
    policy = Policy.objects.filter(pk=row.arguments["policy"]).first()
    if policy is None:
        raise Refused(
            "policy.gone",
            say("{policy} was deleted meanwhile.", policy=row.target),
            say("Look at the list."),
        )
    if not policy.is_enabled:
        wrong = say("{policy} was disabled meanwhile: nothing is negotiated for it.", policy=policy)
        raise Refused("policy.disabled", wrong, say("Enable it, then try again."))
    return policy


def _standing(policy: Policy) -> Standing:
    return standings([policy])[policy.pk]


def _order(policies: Sequence[Policy], action: Action, actor: Actor, *, rekey: bool) -> list[str]:
    actor.require(Permission.OPERATE_POLICIES)
    by_name = {str(row): row for row in policies}
    children: dict[str, list[Child]] = defaultdict(list)
    with Daemon.open() as daemon:
        for association in daemon.associations():
            for child in association.children:
                if policy_of(child.name) in by_name:
                    children[policy_of(child.name)].append(child)
        with transaction.atomic():
            targets: list[tuple[Policy, dict[str, str]]] = [
                (by_name[name], {}) for name in children
            ]
            Event.objects.record_many(str(actor), action, targets)
        for of_policy in children.values():
            for child in of_policy:
                if rekey:
                    daemon.rekey(child.unique_id)
                else:
                    daemon.terminate(child=child.unique_id)
    return sorted(children)
