"""The page Certificate Monitor (MO-1, MO-3)."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from certificates.access import Permission, signed_in
from certificates.dialogs import show, site_url, tell
from certificates.forms.monitor import MonitorForm, RuleForm
from certificates.models import Message, MonitorSettings, SilenceRule
from certificates.models.monitor import SilenceField, SilenceOperator
from certificates.operations import (
    add_rule,
    configure_monitor,
    remove_rule,
    request_run,
    send_trial,
)
from certificates.operations.monitoring.configure import renew_webhook_key, switch_calendar
from certificates.operations.monitoring.feed import calendar_feed
from certificates.operations.monitoring.state import COUNTED, overview, troubles
from certificates.operations.monitoring.trial import Trial
from certificates.refusal import Refused
from certificates.secrets import SealError
from certificates.sentence import say, together

LOG = 5  # messages on the page; the log has them all


def monitor_urls(site: AdminSite) -> list[URLPattern]:
    """Below `monitor/` of the admin."""
    change = Permission.CONFIGURE
    return [
        site_url(site, "monitor/", monitor, "GET", "POST", permission=Permission.VIEW),
        site_url(site, "monitor/run/", monitor_run, "POST", permission=change),
        site_url(site, "monitor/calendar/", monitor_calendar, "POST", permission=change),
        site_url(site, "monitor/webhook-key/", monitor_webhook_key, "POST", permission=change),
        site_url(site, "monitor/rule/", monitor_rule_add, "POST", permission=change),
        site_url(
            site, "monitor/rule/<int:pk>/remove/", monitor_rule_remove, "POST", permission=change
        ),
    ]


def monitor(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET shows it; POST saves the settings, or sends a test message with what is typed."""
    actor, now = signed_in(request), timezone.now()
    if request.method != "POST":
        return _page(request, site, None)
    actor.require(Permission.CONFIGURE)
    form, trial = MonitorForm(MonitorSettings.objects.current(), request.POST), None
    if form.is_valid():
        try:
            if "test" not in request.POST:
                configure_monitor(form.change(), actor=actor, now=now)
                messages.success(request, together(say("Saved."), *form.converted))
                return redirect("admin:monitor")
            trial = send_trial(form.change(), actor=actor, now=now)
        except Refused as refused:
            form.refuse(refused)
        except SealError as error:
            form.add_error("smtp_password", str(error))
    return _page(request, site, form, trial=trial)


def _page(
    request: HttpRequest, site: AdminSite, form: MonitorForm | None, **more: Any
) -> HttpResponseBase:
    may_change = signed_in(request).may(Permission.CONFIGURE)
    row, now = MonitorSettings.objects.current(), timezone.now()
    state = overview(now=now)
    trial: Trial | None = more.get("trial")
    context: dict[str, Any] = {
        "form": form or MonitorForm(row, may_change=may_change),
        "row": row,
        "state": state,
        "counted": COUNTED,
        "troubles": troubles(now=now),
        "server_sentence": _server_sentence(state.server),
        "log": Message.objects.exclude(subject="").prefetch_related("deliveries")[:LOG],
        "rules": SilenceRule.objects.all(),
        "rule_form": RuleForm(),
        "fields": SilenceField.choices,
        "operators": SilenceOperator.choices,
        "may_change": may_change,
        "trial": trial,
    }
    return show(
        request, site, "certificates/monitor.html", say("Certificate Monitor"), **context | more
    )


def _server_sentence(found: Any) -> str:
    if found is None:
        return say("There is no SMTP host: nothing will be sent until you enter one.")
    server = found.server
    where = say(
        "{host}, port {port}, from {sender}",
        host=server.host,
        port=server.port,
        sender=server.sender,
    )
    if found.source == "page":
        return say("In force: {where}, as set on this page.", where=where)
    return say(
        "In force: {where}, from the environment. What you enter here wins over it.", where=where
    )


def monitor_run(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST queues a run, and goes to its job."""
    return redirect("admin:certificates_job_page", request_run(actor=signed_in(request)).pk)


def monitor_calendar(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST makes a new secret address and shows it this once, or switches the feed off."""
    is_on = request.POST.get("on") == "yes"
    token = switch_calendar(on=is_on, actor=signed_in(request))
    if not is_on:
        messages.success(request, say("The calendar feed is off; its address is gone for good."))
        return redirect("admin:monitor")
    address = request.build_absolute_uri(reverse("calendar", args=[token]))
    return _page(request, site, None, calendar_address=address)


def monitor_webhook_key(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST makes a new key for signatures and shows it this once."""
    key = renew_webhook_key(actor=signed_in(request))
    return _page(request, site, None, webhook_key=key)


def monitor_rule_add(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST adds a rule."""
    form = RuleForm(request.POST)
    if form.is_valid():
        try:
            row = add_rule(**form.cleaned_data, actor=signed_in(request), now=timezone.now())
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, say("Silenced: {sentence}.", sentence=row.sentence))
            return redirect("admin:monitor")
    for name, errors in form.errors.items():
        text = say("{wrong} Nothing was changed.", wrong=errors[0])
        if name != "__all__":
            text = say("{label}: {sentence}", label=form.fields[name].label, sentence=text)
        messages.error(request, text)
    return redirect("admin:monitor")


def monitor_rule_remove(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST removes a rule."""
    row = get_object_or_404(SilenceRule, pk=pk)
    try:
        remove_rule(row, actor=signed_in(request))
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(request, say("{name} is no rule any more.", name=row.name))
    return redirect("admin:monitor")


@require_safe
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """The feed. Its address is the secret; whoever knows no address of it learns nothing."""
    content = calendar_feed(token, now=timezone.now())
    if content is None:
        raise Http404
    return HttpResponse(
        content,
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'inline; filename="expirations.ics"'},
    )
