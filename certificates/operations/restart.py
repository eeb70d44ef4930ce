"""Restart: have a service use its new certificate, and see that it does (CM-7, MN-4)."""

import time
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from certificates import web_server
from certificates.access import Actor, Permission
from certificates.jobs import enqueue, job
from certificates.models import Action, Closing, Event, Job, Purpose, RestartNotice, Service
from certificates.models.notice import ONLY_A_RESTART
from certificates.operations.deploy import deploy
from certificates.probe import ProbeError, served_fingerprint
from certificates.refusal import Refused
from certificates.web_server import Running

PATIENCE = 60.0  # seconds until the new certificate must be seen
HANDSHAKES = 4  # in a row that must show it: each may have met another worker of the server


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
        return enqueue(
            "restart",
            f"{notice.service} on {notice.node}",
            once=str(notice.pk),
            started_by=str(actor),
            notice=notice.pk,
        )


def _refuse_what_cannot_run(notice: RestartNotice) -> Running:
    if notice.closed_at:
        wrong = f"The {notice} is not due any more."
        raise Refused("restart.closed", wrong, "Look at the list again.")
    if not notice.can_be_run:
        wrong = f"{notice.service} on {notice.node} can't be restarted from here."
        raise Refused("restart.by-hand", wrong, "Restart it there, then acknowledge the notice.")
    server = web_server.running()
    if server is None:
        wrong = "The web server does not run."
        cure = "Start it with ./ccxsec up: it then serves the new certificate."
        raise Refused("restart.not-running", wrong, cure)
    return server


@job("restart")
def _restart_job(row: Job) -> str:
    notice = RestartNotice.objects.select_related("node").get(pk=row.arguments["notice"])
    if notice.closed_at:
        return f"The {notice} was done already."
    server = _refuse_what_cannot_run(notice)
    actor, service = Actor(row.started_by), Service(notice.service)
    row.report(deploy(notice.node, service, actor=actor, now=timezone.now()), now=timezone.now())
    server.reload()
    row.report("The web server was told to take its new certificate.", now=timezone.now())
    expected = notice.fingerprint or _in_force(notice)
    seen = _wait_until_seen(server, expected)
    if seen != expected:
        wrong = f"After {PATIENCE:.0f} seconds a handshake still shows {seen or 'nothing'}."
        raise Refused("restart.unseen", wrong, "Look at the log of the web server.")
    _close_as_seen(notice, actor=str(actor), now=timezone.now())
    which = "the new certificate" if notice.fingerprint else "the certificate in force"
    return f"A TLS handshake shows {which}, {seen[:16]}…"


def _in_force(notice: RestartNotice) -> str:
    """For a change of the trust store: the identity is the same before and after."""
    purpose = Purpose(notice.service)
    return notice.node.certificates.active().for_purpose(purpose).get().fingerprint


def _wait_until_seen(server: Running, expected: str) -> str:
    """The fingerprint that handshakes show in the end; "" when nobody answered."""
    deadline, in_a_row, seen = time.monotonic() + PATIENCE, 0, ""
    while in_a_row < HANDSHAKES and time.monotonic() < deadline:
        try:
            seen = served_fingerprint(server.host, server.port)
        except ProbeError:
            seen = ""
        in_a_row = in_a_row + 1 if seen == expected else 0
        time.sleep(0.25)
    return seen if in_a_row == HANDSHAKES else ""


def observe_restarts(*, now: datetime) -> int:
    """Close the notices whose new certificate a handshake already shows; returns how many."""
    server, closed = web_server.running(), 0
    due = RestartNotice.objects.open().filter(node__is_local=True, service=Service.TOMCAT.value)
    for notice in due.exclude(expected__in=["", ONLY_A_RESTART]).select_related("node"):
        if server and _shows(server, notice.expected):
            closed += _close_as_seen(notice, actor="handshake", now=now)
    return closed


def _shows(server: Running, expected: str) -> bool:
    try:
        shown = {served_fingerprint(server.host, server.port) for _ in range(HANDSHAKES)}
    except ProbeError:
        return False
    return shown == {expected}


@transaction.atomic
def _close_as_seen(notice: RestartNotice, *, actor: str, now: datetime) -> bool:
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
