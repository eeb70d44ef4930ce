"""What an operator does to one policy, or to several: enable, connect, confirm (IP-3, IP-4)."""

from collections.abc import Callable, Sequence

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from certificates.access import signed_in
from certificates.dialogs import key_of
from certificates.models import Job
from certificates.refusal import Refused
from certificates.sentence import say, say_count, together
from ipsec.models import Policy
from ipsec.operations import (
    confirm_trial,
    disconnect,
    rekey,
    request_apply,
    request_connect,
    request_diagnose,
    set_enabled,
)

LIST = "admin:ipsec_policy_changelist"
PAGE = "admin:ipsec_policy_page"
NAMED = 5  # policies in a message
NO_TRIAL = say("Say after how many minutes the trial is to end: a whole number.")


def enable_selected(request: HttpRequest, chosen: QuerySet[Policy], *, enabled: bool) -> None:
    """All of them or none; those that are so already stay."""
    try:
        rows = set_enabled(list(chosen), enabled=enabled, actor=signed_in(request))
    except Refused as refused:
        say_no(request, refused)
        return
    if rows and enabled:
        done = say("Enabled {policies}. It is put in force now.", policies=named(rows))
        messages.success(request, done)
    elif rows:
        done = say("Disabled {policies}. It is put in force now.", policies=named(rows))
        messages.success(request, done)
    elif enabled:
        messages.info(request, say("All of them are enabled already."))
    else:
        messages.info(request, say("All of them are disabled already."))


def connect_selected(request: HttpRequest, chosen: QuerySet[Policy]) -> None:
    """A job for each that is enabled; their state follows on the list by itself."""
    started: list[Policy] = []
    for row in chosen:
        try:
            request_connect(row, actor=signed_in(request))
        except Refused as refused:
            messages.error(request, say("Not connected: {refused}", refused=refused))
        else:
            started.append(row)
    if started:
        messages.success(
            request, say("Connecting {policies}: see the state.", policies=named(started))
        )


def disconnect_selected(request: HttpRequest, chosen: QuerySet[Policy]) -> None:
    """Ends what is negotiated; the next packet negotiates anew."""
    nothing = say("Nothing was negotiated for them.")
    _order(request, list(chosen), disconnect, _disconnected, nothing)


def rekey_selected(request: HttpRequest, chosen: QuerySet[Policy]) -> None:
    """New keys beside the traffic."""
    nothing = say("None of them is in force: there are no keys to renew.")
    _order(request, list(chosen), rekey, _rekeyed, nothing)


def _disconnected(policies: str) -> str:
    return say("Disconnected {policies}.", policies=policies)


def _rekeyed(policies: str) -> str:
    return say("New keys are negotiated for {policies}.", policies=policies)


def _order(
    request: HttpRequest,
    chosen: Sequence[Policy],
    operation: Callable[..., list[str]],
    done: Callable[[str], str],
    nothing: str,
) -> None:
    try:
        names = operation(chosen, actor=signed_in(request))
    except Refused as refused:
        messages.error(request, say("Not done: {refused}", refused=refused))
        return
    if names:
        messages.success(request, done(named(names)))
    else:
        messages.info(request, nothing)


def policy_apply(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST has the daemon made equal to what is intended, and goes to the job."""
    return redirect("admin:certificates_job_page", request_apply(actor=signed_in(request)).pk)


def policy_confirm(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST keeps what was enabled on trial: the policies that are named, else all."""
    keys = [key_of(text) or 0 for text in request.POST.getlist("policy")]
    rows = Policy.objects.filter(trial_until__isnull=False)
    try:
        kept = confirm_trial(
            list(rows.filter(pk__in=keys) if keys else rows), actor=signed_in(request)
        )
    except Refused as refused:
        say_no(request, refused)
    else:
        messages.success(request, say("Confirmed: {policies} stays enabled.", policies=named(kept)))
    return redirect(_back(request))


def policy_switch(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST enables the policy, on trial or for good, or disables it."""
    row = get_object_or_404(Policy, pk=pk)
    wanted, minutes = request.POST.get("to", ""), None
    if wanted == "trial":
        minutes = key_of(request.POST.get("minutes", ""))
        if minutes is None:
            messages.error(request, together(NO_TRIAL, say("Nothing was changed.")))
            return redirect(PAGE, pk)
    enabled = wanted in ("enabled", "trial")
    try:
        done = set_enabled([row], enabled=enabled, trial_minutes=minutes, actor=signed_in(request))
    except Refused as refused:
        say_no(request, refused)
        return redirect(PAGE, pk)
    if done:
        messages.success(request, _switched(row, minutes, enabled=enabled))
    elif enabled:
        messages.info(request, say("The policy {policy} is enabled already.", policy=row))
    else:
        messages.info(request, say("The policy {policy} is disabled already.", policy=row))
    return redirect(PAGE, pk)


def _switched(row: Policy, minutes: int | None, *, enabled: bool) -> str:
    if not enabled:
        return say("The policy {policy} is disabled. That is put in force now.", policy=row)
    if not minutes:
        return say("The policy {policy} is enabled. That is put in force now.", policy=row)
    return say_count(
        "The policy {policy} is enabled on trial. Confirm it within {count} minute, or it is"
        " disabled again.",
        "The policy {policy} is enabled on trial. Confirm it within {count} minutes, or it is"
        " disabled again.",
        minutes,
        policy=row,
    )


def policy_operate(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST connects, diagnoses, disconnects or rekeys; what takes its time is followed."""
    row = get_object_or_404(Policy, pk=pk)
    verb = request.POST.get("do", "")
    if verb == "disconnect":
        nothing = say("Nothing is negotiated for {policy}.", policy=row)
        _order(request, [row], disconnect, _disconnected, nothing)
    elif verb == "rekey":
        nothing = say(
            "The policy {policy} is not in force: there are no keys to renew.", policy=row
        )
        _order(request, [row], rekey, _rekeyed, nothing)
    else:
        ask = request_diagnose if verb == "diagnose" else request_connect
        try:
            job: Job = ask(row, actor=signed_in(request))
        except Refused as refused:
            say_no(request, refused)
        else:
            return redirect(f"{reverse(PAGE, args=[pk])}?job={job.pk}")
    return redirect(PAGE, pk)


def say_no(request: HttpRequest, refused: Refused) -> None:
    """Show a refusal above the next page, which begins each message with a capital letter."""
    messages.error(request, together(say("Nothing was changed."), str(refused)))


def named(rows: Sequence[object]) -> str:
    """A few of them by name, the rest by number."""
    shown = ", ".join(str(row) for row in rows[:NAMED])
    if len(rows) <= NAMED:
        return shown
    return say("{policies} and {count} more", policies=shown, count=len(rows) - NAMED)


def _back(request: HttpRequest) -> str:
    """The page on which a button was that stands on all of them; else the list."""
    page = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(page, allowed_hosts=None, require_https=True)
    return page if page.startswith("/") and is_ours else LIST
