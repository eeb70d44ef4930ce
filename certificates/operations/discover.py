"""Discovery: look at what servers really serve, and keep what is not ours as observed."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction
from django.utils import timezone

from certificates.access import Actor, Permission
from certificates.jobs import enqueue, job
from certificates.models import Action, Certificate, Endpoint, Event, Job, JobState, Observed
from certificates.models.observed import MOST_GONE
from certificates.operations.endpoint import allowed_places
from certificates.outgoing import Allowed, UnknownHostError
from certificates.probe import ProbeError, served_chain
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.facts import Facts, read_facts

UPKEEP = "upkeep"
AT_ONCE = 16  # connections
A_ROUND = 20  # endpoints of a sweep; the others come in the next one, a minute later
KEPT = timedelta(days=1)  # the record of a sweep that went well
_DUE, _ALL = "due", "all"


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at an endpoint brought: a chain, or the reason why there is none."""

    endpoint: Endpoint
    chain: tuple[bytes, ...] = ()
    error: str = ""


def request_probe(endpoint: Endpoint | None, *, actor: Actor) -> Job:
    """Queue a look at one endpoint, or at all of them (None). Who may restart needs to see it.

    Raises:
        PermissionDenied: `actor` may not restart.
        Refused: probe.none.
    """
    actor.require(Permission.RESTART)
    if endpoint is None and not Endpoint.objects.exists():
        wrong = say("No address to look at is listed yet.")
        raise Refused("probe.none", wrong, say("Add one: ./ccxsec discover add, or Discovery."))
    with transaction.atomic():
        what = str(endpoint) if endpoint else "every endpoint"
        Event.objects.record(str(actor), Action.ENDPOINT_PROBE, endpoint or what)
        which = str(endpoint.pk) if endpoint else _ALL
        return enqueue("discover", what, once=which, started_by=str(actor), which=which)


def discover_what_is_due(*, now: datetime) -> Job | None:
    """Queue a sweep if an endpoint was not looked at for an hour; quick, as upkeep asks."""
    if not Endpoint.objects.due(now).exists():
        return None
    with transaction.atomic():
        old = Job.objects.filter(kind="discover", started_by=UPKEEP, state=JobState.DONE)
        old.filter(ended_at__lt=now - KEPT).delete()
        return enqueue("discover", "what is due", once=_DUE, started_by=UPKEEP, which=_DUE)


@job("discover")
def _discover_job(row: Job) -> str:
    which, seen, failed = row.arguments["which"], 0, 0
    chosen = list(_chosen(which, timezone.now()))
    for begin in range(0, len(chosen), AT_ONCE):
        for look in look_at(chosen[begin : begin + AT_ONCE]):
            line = note(look, actor=row.started_by, now=timezone.now())
            seen, failed = seen + 1, failed + bool(look.error)
            if not row.report(line, done=seen, total=len(chosen), now=timezone.now()):
                return f"Stopped after {seen} of {len(chosen)} endpoints."
    return f"{seen - failed} endpoints served a certificate, {failed} did not."


def _chosen(which: str, now: datetime) -> Iterable[Endpoint]:
    rows = Endpoint.objects.select_related("node")
    if which == _ALL:
        return rows.order_by("pk")
    return rows.due(now)[:A_ROUND] if which == _DUE else rows.filter(pk=int(which))


def look_at(endpoints: Iterable[Endpoint]) -> Iterator[Look]:
    """Ask several servers at once; in their order. Nothing of the database is used meanwhile."""
    allowed = allowed_places()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda endpoint: _look(endpoint, allowed), endpoints)


def _look(endpoint: Endpoint, allowed: Allowed) -> Look:
    try:
        place = allowed.place(endpoint.place, endpoint.port)
        return Look(endpoint, served_chain(place, server_name=endpoint.asked_name))
    except (Refused, UnknownHostError, ProbeError) as error:
        return Look(endpoint, error=str(error))


def note(look: Look, *, actor: str, now: datetime) -> str:
    """Write down what was served; says it in a line. A removed endpoint stays removed."""
    facts = _readable(look.chain)
    with transaction.atomic():
        Event.objects.hold()
        endpoint = Endpoint.objects.select_for_update().filter(pk=look.endpoint.pk).first()
        if endpoint is None:
            return f"{look.endpoint} was removed."
        endpoint.probed_at, endpoint.error = now, look.error[:300]
        if look.chain:
            endpoint.served_at, endpoint.fingerprint = now, sha256(look.chain[0]).hexdigest()
            _observe(endpoint, look.chain, facts, actor, now)
        endpoint.save(update_fields=["probed_at", "error", "served_at", "fingerprint"])
    served = (
        f"serves {endpoint.fingerprint[:16]}…" if look.chain else f"no certificate. {look.error}"
    )
    return f"{look.endpoint}: {served}"


def _readable(chain: Iterable[bytes]) -> dict[str, Facts]:
    """By fingerprint, in the order of the chain; in what is left out nothing can be read at all."""
    found: dict[str, Facts] = {}
    for der in chain:
        try:
            facts = read_facts(der)
        except Refused:
            continue
        found[facts.fingerprint] = facts
    return found


def _observe(
    endpoint: Endpoint, chain: tuple[bytes, ...], facts: dict[str, Facts], actor: str, now: datetime
) -> None:
    ours = set(
        Certificate.objects.filter(fingerprint__in=facts).values_list("fingerprint", flat=True)
    )
    foreign = {fingerprint: one for fingerprint, one in facts.items() if fingerprint not in ours}
    rows = Observed.objects.filter(endpoint=endpoint)
    known = set(rows.filter(fingerprint__in=foreign).values_list("fingerprint", flat=True))
    rows.filter(fingerprint__in=known).update(last_seen=now, gone_at=None)
    rows.filter(gone_at=None).exclude(fingerprint__in=known).update(gone_at=now)
    for fingerprint, one in foreign.items():
        if fingerprint not in known:
            is_leaf = fingerprint == endpoint.fingerprint
            row = Observed.objects.create_from(endpoint, one, is_leaf=is_leaf, now=now)
            detail = {"fingerprint": fingerprint, "subject": one.common_name}
            Event.objects.record(actor, Action.CERTIFICATE_OBSERVE, row, **detail)
    kept = rows.gone().values_list("pk", flat=True)[:MOST_GONE]
    rows.gone().exclude(pk__in=list(kept)).delete()
