"""Restart: have a service use its new certificate, and see that it does (CM-7, MN-4)."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.utils import timezone

from certificates import web_server
from certificates.access import Actor, Permission
from certificates.jobs import enqueue, job
from certificates.locks import cluster_lock
from certificates.models import (
    Action,
    Closing,
    Deployment,
    Event,
    Job,
    Purpose,
    RestartNotice,
    Service,
)
from certificates.models.notice import ONLY_A_RESTART
from certificates.operations.deploy import deploy
from certificates.operations.endpoint import allowed_places
from certificates.outgoing import Place, UnknownHostError
from certificates.probe import ProbeError, served_chain
from certificates.reach.node import run_on
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

PATIENCE = 60.0  # seconds until the new certificate must be seen
HANDSHAKES = 4  # in a row that must show it: each may have met another worker of the server
QUICK = 2.0  # seconds for a handshake of upkeep's look


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service shows its certificate."""

    host: str
    port: int
    server_name: str = ""
    is_own: bool = False  # of this product itself, which needs no leave

    def place(self) -> Place:
        """Raises `Refused` probe.address, and `UnknownHostError`."""
        if self.is_own:
            return Place((self.host,), self.port)
        return allowed_places().place(self.host, self.port)

    def fingerprint(self, seconds: float = 5.0) -> str:
        """SHA-256 of what it shows; "" when nobody answers, or nobody may be asked."""
        try:
            chain = served_chain(self.place(), server_name=self.server_name, seconds=seconds)
        except (ProbeError, Refused, UnknownHostError):
            return ""
        return sha256(chain[0]).hexdigest()

    def shows(self, fingerprint: str) -> bool:
        """Several in a row: each may have met another worker of the server."""
        return all(self.fingerprint(QUICK) == fingerprint for _ in range(HANDSHAKES))


def request_restart(notice: RestartNotice, *, actor: Actor) -> Job:
    """Queue the restart that a notice asks for.

    Raises:
        PermissionDenied: `actor` may not restart.
        Refused: restart.closed, restart.by-hand, restart.not-running.
    """
    actor.require(Permission.RESTART)
    _refuse_what_cannot_run(notice)
    with transaction.atomic():
        Event.objects.record(str(actor), Action.RESTART_RUN, notice)
        target = f"{notice.service} on {notice.node}"
        return enqueue(
            "restart", target, once=str(notice.pk), started_by=str(actor), notice=notice.pk
        )


def request_restarts(notices: Sequence[RestartNotice], *, actor: Actor) -> Job:
    """Queue several, to be done one after the other in their order, up to the first failure.

    Raises:
        PermissionDenied: `actor` may not restart.
        Refused: restart.none, restart.not-running.
    """
    actor.require(Permission.RESTART)
    due = [notice for notice in notices if notice.can_be_run]
    if not due:
        wrong = say("No restart is due that this product can do.")
        raise Refused(
            "restart.none", wrong, say("Restart the others by hand, then acknowledge them.")
        )
    for notice in due:
        _refuse_what_cannot_run(notice)
    with transaction.atomic():
        for notice in due:
            Event.objects.record(str(actor), Action.RESTART_RUN, notice)
        keys = ",".join(str(notice.pk) for notice in due)
        target = f"{len(due)} services, one after the other"
        return enqueue("restart", target, once=keys, started_by=str(actor), notices=keys)


def _refuse_what_cannot_run(notice: RestartNotice) -> None:
    if notice.closed_at:
        wrong = say("The {notice} is not due any more.", notice=notice)
        raise Refused("restart.closed", wrong, say("Look at the list again."))
    if not notice.can_be_run:
        wrong = say(
            "{service} on {node} can't be restarted from here.",
            service=notice.service,
            node=notice.node,
        )
        cure = say(
            "Restart it there, then acknowledge the notice; or give its command under Nodes."
        )
        raise Refused("restart.by-hand", wrong, cure)
    if not notice.place.restart_command and web_server.running() is None:
        wrong = say("The web server does not run.")
        cure = say("Start it with ./ccxsec up: it then serves the new certificate.")
        raise Refused("restart.not-running", wrong, cure)


@job("restart")
def _restart_job(row: Job) -> str:
    """The first of its notices; the others follow in a job of their own, if it went well."""
    given = str(row.arguments.get("notices", row.arguments.get("notice")))
    first, _, others = given.partition(",")
    notice = RestartNotice.objects.select_related("node").get(pk=int(first))
    with cluster_lock("restart", patience=5.0) as held:
        if not held:
            wrong = "Another service is being restarted."
            raise Refused("restart.busy", wrong, "Wait until that has ended, then start this one.")
        said = _restart(notice, row)
    if not others:
        return said
    if not row.report(said, now=timezone.now()):
        return "Cancelled: the others are not restarted."
    with transaction.atomic():
        number = len(others.split(","))
        target = f"{number} services, one after the other"
        after = enqueue("restart", target, once=others, started_by=row.started_by, notices=others)
    return f"Next: job {after.pk}, for {number} more."


def _restart(notice: RestartNotice, row: Job) -> str:
    if notice.closed_at:
        return f"The {notice} was done already."
    _refuse_what_cannot_run(notice)
    actor, service = Actor(row.started_by), Service(notice.service)
    row.report(deploy(notice.node, service, actor=actor, now=timezone.now()), now=timezone.now())
    address = address_of(notice.place)
    if address:
        _refuse_address(address)
    if notice.place.restart_command:
        _run_command(notice, row)
    else:
        _reload_web_server(row)
    if address is None:
        return _wait_for_a_word(notice)
    expected = notice.fingerprint or _in_force(notice)
    seen = _wait_until_seen(address, expected)
    if seen != expected:
        wrong = f"After {PATIENCE:.0f} seconds a handshake with {address.host} port"
        wrong += f" {address.port} still shows {seen or 'nothing'}."
        raise Refused("restart.unseen", wrong, "Look at the log of the service.")
    close_as_seen(notice, actor=str(actor), now=timezone.now())
    which = "the new certificate" if notice.fingerprint else "the certificate in force"
    return f"A TLS handshake shows {which}, {seen[:16]}…"


def _refuse_address(address: Address) -> None:
    """Before anything is restarted: afterwards nobody could look. Raises `Refused` probe.*."""
    try:
        address.place()
    except UnknownHostError as error:
        raise Refused("probe.host", str(error), "Correct it in the service's settings.") from error


def _run_command(notice: RestartNotice, row: Job) -> None:
    """Raises `Refused` restart.command, restart.timeout, and what `run_on` raises."""
    place = notice.place
    ended = run_on(notice.node, place.restart_words, limit=place.restart_limit)
    for line in ended.lines[-100:]:
        row.report(f"  {visible(line)[:500]}", now=timezone.now())
    where = f"{place.restart_words[0]} on {notice.node}"
    if ended.status is None:
        wrong = f"{where} did not end within {place.restart_limit} seconds, and was given up."
        raise Refused("restart.timeout", wrong, "Look at the service there; give it more time.")
    if ended.status != 0:
        wrong = f"{where} ended with status {ended.status}."
        raise Refused("restart.command", wrong, "Its output stands above. Mend it, and try again.")
    row.report(f"{where} ended well.", now=timezone.now())


def _reload_web_server(row: Job) -> None:
    server = web_server.running()
    if server is None:
        raise Refused("restart.not-running", "The web server does not run.", "Start ./ccxsec up.")
    server.reload()
    row.report("The web server was told to take its new certificate.", now=timezone.now())


def _wait_for_a_word(notice: RestartNotice) -> str:
    RestartNotice.objects.open().filter(pk=notice.pk, opened_at=notice.opened_at).update(
        ran_at=timezone.now()
    )
    return (
        f"{notice.service} on {notice.node} was restarted. It has no address to be probed at:"
        " acknowledge the notice when you have seen that it works."
    )


def address_of(place: Deployment) -> Address | None:
    """Where to look for a service's certificate; None: nobody has said."""
    if place.probe_port:
        host = place.probe_host or next(iter(place.node.addresses), place.node.host_name)
        return Address(host, place.probe_port, place.probe_name)
    if place.node.is_local and place.service == Service.TOMCAT and not place.restart_command:
        server = web_server.running()
        return Address(server.host, server.port, is_own=True) if server else None
    return None


def _in_force(notice: RestartNotice) -> str:
    """For a change of the trust store: the identity is the same before and after."""
    purpose = Purpose(notice.service)
    return notice.node.certificates.active().for_purpose(purpose).get().fingerprint


def _wait_until_seen(address: Address, expected: str) -> str:
    """The fingerprint that handshakes show in the end; "" when nobody answered."""
    deadline, in_a_row, seen = time.monotonic() + PATIENCE, 0, ""
    while in_a_row < HANDSHAKES and time.monotonic() < deadline:
        seen = address.fingerprint()
        in_a_row = in_a_row + 1 if seen == expected else 0
        time.sleep(0.25)
    return seen if in_a_row == HANDSHAKES or seen != expected else ""


def observe_restarts(*, now: datetime) -> int:
    """Close the notices whose new certificate a handshake already shows; returns how many."""
    closed = 0
    due = RestartNotice.objects.open().exclude(expected__in=["", ONLY_A_RESTART])
    for notice in due.select_related("node"):
        address = address_of(notice.place)
        if address and address.shows(notice.expected):
            closed += close_as_seen(notice, actor="handshake", now=now)
    return closed


@transaction.atomic
def close_as_seen(notice: RestartNotice, *, actor: str, now: datetime) -> bool:
    """False: it was closed meanwhile, or a still newer certificate is expected by now."""
    Event.objects.hold()
    changed = (
        RestartNotice.objects.open()
        .filter(pk=notice.pk, expected=notice.expected)
        .update(closed_at=now, closed_by=actor, closing=Closing.SEEN)
    )
    if changed:
        Event.objects.record(actor, Action.RESTART_SEEN, notice, fingerprint=notice.fingerprint)
    return bool(changed)
