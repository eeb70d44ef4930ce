"""Restarts: what must be restarted for a new certificate to be used (CM-7)."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from certificates.access import Permission, signed_in
from certificates.admin.event import ReadOnlyScreen
from certificates.dialogs import screen_url, show, tell
from certificates.models import BackupReminder, RestartNotice
from certificates.operations import (
    acknowledge_backup,
    acknowledge_restart,
    request_restart,
    request_restarts,
)
from certificates.refusal import Refused
from certificates.sentence import say

HISTORY = 30


@admin.register(RestartNotice)
class RestartAdmin(ReadOnlyScreen):
    permission = Permission.VIEW

    def get_urls(self) -> list[URLPattern]:
        def post(route: str, view: Callable[..., Any], permission: Permission) -> URLPattern:
            return screen_url(self, route, view, "POST", permission=permission)

        return [
            screen_url(
                self,
                "",
                restarts,
                "GET",
                permission=Permission.VIEW,
                name="certificates_restartnotice_changelist",
            ),
            post("run/", restart_run_all, Permission.RESTART),
            post("<int:pk>/run/", restart_run, Permission.RESTART),
            post("<int:pk>/acknowledge/", restart_acknowledge, Permission.RESTART),
            post("backup/acknowledge/", backup_acknowledge, Permission.CONFIGURE),
        ]


def restarts(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """What is due in the order in which to do it, the backup reminder, and what was done."""
    actor = signed_in(request)
    notices = RestartNotice.objects.select_related("node")
    due = list(notices.open().in_restart_order())
    context: dict[str, Any] = {
        "due": due,
        "many": sum(notice.can_be_run for notice in due) > 1,
        "done": notices.exclude(closed_at=None).order_by("-closed_at")[:HISTORY],
        "reminder": BackupReminder.objects.open().first(),
        "may_restart": actor.may(Permission.RESTART),
        "may_configure": actor.may(Permission.CONFIGURE),
        "opts": RestartNotice._meta,
    }
    return show(request, site, "certificates/restarts.html", say("Restarts and backup"), **context)


def restart_run(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST queues the restart, and goes to its job."""
    notice = get_object_or_404(RestartNotice.objects.select_related("node"), pk=pk)
    try:
        job = request_restart(notice, actor=signed_in(request))
    except Refused as refused:
        tell(request, refused)
        return redirect("admin:certificates_restartnotice_changelist")
    return redirect("admin:certificates_job_page", job.pk)


def restart_run_all(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST queues everything that is due here, in its order, up to the first failure."""
    due = RestartNotice.objects.open().in_restart_order().select_related("node")
    try:
        job = request_restarts(list(due), actor=signed_in(request))
    except Refused as refused:
        tell(request, refused)
        return redirect("admin:certificates_restartnotice_changelist")
    return redirect("admin:certificates_job_page", job.pk)


def restart_acknowledge(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST closes a notice on the operator's word."""
    notice = get_object_or_404(RestartNotice.objects.select_related("node"), pk=pk)
    notice.opened_at = parse_datetime(request.POST.get("opened_at", "")) or notice.opened_at
    try:
        acknowledge_restart(notice, actor=signed_in(request), now=timezone.now())
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(request, say("You acknowledged the {notice}.", notice=notice))
    return redirect("admin:certificates_restartnotice_changelist")


def backup_acknowledge(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST closes the backup reminder."""
    try:
        acknowledge_backup(actor=signed_in(request), now=timezone.now())
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(request, say("You noted that a backup was made."))
    return redirect("admin:certificates_restartnotice_changelist")
