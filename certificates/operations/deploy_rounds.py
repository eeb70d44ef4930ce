"""The rounds and the jobs of deploying: what is due, who asks for it, what the worker does."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from certificates.access import Actor, Permission
from certificates.jobs import enqueue, job
from certificates.models import Deployment, Job, JobState, Node, Service
from certificates.operations.deploy import LONGEST_WAIT, check, deploy, deploy_noted
from certificates.refusal import Refused
from certificates.secrets import SealError

SWEEP_EVERY = timedelta(minutes=15)  # how often a store on another server is looked at
_MANY = 20  # of those that one round queues
_KINDS = ("deploy", "overwrite", "check", "sweep")


def deploy_what_is_out_of_date(*, actor: Actor, now: datetime) -> list[str]:
    """Deploy each service of the local node that its store doesn't hold as intended.

    A service that can't be deployed does not stop the others; its refusal is among the sentences.
    """
    sentences = []
    for place in Deployment.objects.filter(node__is_local=True).select_related("node"):
        known = place.differs
        try:
            done = deploy_noted(
                place.node, Service(place.service), overwrite=False, actor=actor, now=now
            )
        except (Refused, SealError) as refused:
            place.refresh_from_db()
            if not known or place.differs != known:  # what is known already is not told again
                sentences.append(str(refused))
        else:
            if done.changed:
                sentences.append(done.sentence)
    return sentences


def sweep_other_servers(*, now: datetime) -> int:
    """Queue a look at the stores of other servers that are due for one; returns how many."""
    due = Deployment.objects.ready().filter(node__is_local=False).select_related("node")
    queued = 0
    for place in due.order_by("checked_at", "pk"):
        looked_at = place.checked_at
        late = not place.is_in_force or looked_at is None or looked_at < now - SWEEP_EVERY
        # A clock that was set back must not put a retry off for longer than it could be.
        wait = place.retry_at and now < place.retry_at <= now + LONGEST_WAIT
        busy = Job.objects.filter(
            state__in=[JobState.QUEUED, JobState.RUNNING], target=str(place), kind__in=_KINDS
        )
        if not late or wait or queued == _MANY or busy.exists():
            continue
        with transaction.atomic():
            _enqueue("sweep", place, actor=Actor("upkeep"))
        queued += 1
    return queued


def request_deploy(node: Node, service: Service, *, overwrite: bool = False, actor: Actor) -> Job:
    """Queue a deploy that an operator asks for.

    Raises:
        PermissionDenied: `actor` may not deploy.
    """
    actor.require(Permission.DEPLOY)
    place = Deployment.objects.place(node, service)
    with transaction.atomic():
        return _enqueue("overwrite" if overwrite else "deploy", place, actor=actor)


def request_check(node: Node, service: Service, *, actor: Actor) -> Job:
    """Queue a look at the node's store. Raises `PermissionDenied`."""
    actor.require(Permission.DEPLOY)
    with transaction.atomic():
        return _enqueue("check", Deployment.objects.place(node, service), actor=actor)


def _enqueue(kind: str, place: Deployment, *, actor: Actor) -> Job:
    target, node = str(place), place.node.pk
    return enqueue(
        kind, target, once=target, started_by=str(actor), node=node, service=place.service
    )


def _place_of(row: Job) -> tuple[Node, Service]:
    return Node.objects.get(pk=row.arguments["node"]), Service(row.arguments["service"])


@job("deploy")
def _deploy_job(row: Job) -> str:
    node, service = _place_of(row)
    return deploy(node, service, actor=Actor(row.started_by), now=timezone.now())


@job("overwrite")
def _overwrite_job(row: Job) -> str:
    node, service = _place_of(row)
    return deploy(node, service, overwrite=True, actor=Actor(row.started_by), now=timezone.now())


@job("check")
def _check_job(row: Job) -> str:
    node, service = _place_of(row)
    found = check(node, service, actor=Actor(row.started_by), now=timezone.now())
    for line in (*found.foreign, *found.behind):
        row.report(line, now=timezone.now())
    if found.foreign:
        return "It was changed by hand, and stays so until you overwrite it."
    return "It is behind: a deploy brings it." if found.behind else "It is as intended."


@job("sweep")
def _sweep_job(row: Job) -> str:
    """What was changed by hand is no failure of the sweep: it is shown with the node."""
    try:
        return _deploy_job(row)
    except Refused as refused:
        if refused.code != "store.drift":
            raise
        return str(refused)
