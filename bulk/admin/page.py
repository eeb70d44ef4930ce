"""The page Bulk Certificate Management: server, exchange, clusters, history (BK-1 to BK-5)."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from bulk.admin.cells import steps_of, trust_badge
from bulk.admin.clusters import PAGE, unconfirmed_of
from bulk.admin.job import NAMES, newest_jobs, shown
from bulk.forms.server import ServerForm
from bulk.models import SERVER_SECRET, ExchangeServer, Plan
from bulk.operations import save_server, standing
from bulk.operations.content import this_cluster
from certificates.access import Permission, signed_in
from certificates.dialogs import show
from certificates.models import Job, Secret
from certificates.reach.ssh import fingerprint_of
from certificates.refusal import Finding, Refused
from certificates.sentence import say

__all__ = ["PAGE", "bulk", "exchange_page"]
RUNS = 20  # of the history, on the page


@sensitive_post_parameters("password", "private_key", "passphrase")
def bulk(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET shows all that is known, and asks nobody; POST connects to the server, then saves it."""
    if request.method != "POST":
        return exchange_page(request, site)
    actor = signed_in(request)
    actor.require(Permission.CONFIGURE_BULK)
    form = ServerForm(ExchangeServer.objects.current(), request.POST, has_secret=has_secret())
    checks: Sequence[Finding] = ()
    if form.is_valid():
        try:
            checks = save_server(**form.cleaned_data, actor=actor)
        except Refused as refused:
            form.refuse(refused)
    if checks:
        return exchange_page(request, site, checks=checks, was_saved=True)
    return exchange_page(request, site, form=form)


def exchange_page(
    request: HttpRequest,
    site: AdminSite,
    *,
    form: ServerForm | None = None,
    checks: Sequence[Finding] = (),
    was_saved: bool = False,
) -> HttpResponseBase:
    """The page; `form` when it was refused, `checks` when the server was just looked at."""
    actor = signed_in(request)
    state = standing(now=timezone.now())
    jobs = newest_jobs(RUNS)
    running = next((job for job in jobs if not job.is_final), None)
    may_configure = actor.may(Permission.CONFIGURE_BULK)
    server = state.server
    context: dict[str, Any] = {
        "state": state,
        "server": server,
        "fingerprint": fingerprint_of(server.host_key) if server.host_key else "",
        "shown_form": form
        or ServerForm(server, has_secret=may_configure and has_secret(), may_change=may_configure),
        "is_open": not server.is_set or (form is not None),
        "checks": checks,
        "was_saved": was_saved,
        "steps": steps_of(state),
        "rows": [(row, trust_badge(row.trust)) for row in state.exports],
        "unconfirmed": [unconfirmed_of(one) for one in state.unconfirmed],
        "this_cluster": this_cluster(server),
        "running": shown(running) if running else None,
        "is_answer": request.method == "POST",
        "jobs": [shown(job) for job in jobs],
        "plan": newest_plan() if state.may_import else None,
        "why_not": why_not(server, running),
        "may_configure": may_configure,
        "may_run": actor.may(Permission.RUN_BULK),
        "may_upload": actor.may(Permission.UPLOAD),
    }
    response = show(
        request, site, "bulk/exchange.html", say("Bulk Certificate Management"), **context
    )
    if form is not None:
        response.status_code = 422
    return response


def why_not(server: ExchangeServer, running: Job | None) -> str:
    """What keeps every step from beginning now; "" for nothing."""
    if not server.is_set:
        return say("Set the SFTP server first.")
    if server.host_key_alarm:
        return say("Decide about the server's host key first.")
    if running:
        return say("Wait for the end of what runs: {run}.", run=NAMES[running.kind])
    return ""


def newest_plan() -> Plan | None:
    """What was shown last, unless it was imported."""
    newest = Plan.objects.order_by("-pk").first()
    return newest if newest and newest.imported_at is None else None


def has_secret() -> bool:
    """Whether a password or private key is kept."""
    return Secret.objects.filter(name=SERVER_SECRET).exists()
