"""Jobs: what runs in the background, with progress, messages and a way to cancel."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from certificates.access import Permission, signed_in
from certificates.admin.event import ReadOnlyScreen
from certificates.cells import badge, recorded
from certificates.dialogs import screen_url, show, tell
from certificates.models import Job
from certificates.operations import cancel_job
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.tables import Table, columns

_BADGES = {"done": "valid", "failed": "critical", "cancelled": "soon"}


@admin.register(Job)
class JobAdmin(ReadOnlyScreen):
    permission = Permission.VIEW_JOBS
    exported = Table(
        "jobs",
        columns(
            "id",
            "kind",
            "target",
            "state",
            "done",
            "total",
            "attempt",
            "started_by",
            "created_at",
            "started_at",
            "ended_at",
            "messages",
        ),
    )
    list_display = ("work", "status", "started", "started_by", "last_message")
    list_display_links = None
    list_filter = ("state",)

    @admin.display(description=_("Job"))
    def work(self, row: Job) -> SafeString:
        address = reverse("admin:certificates_job_page", args=[row.pk])
        return format_html('<a href="{}" lang="en">{}</a>', address, str(row))

    @admin.display(description=_("State"))
    def status(self, row: Job) -> SafeString:
        return badge(row.get_state_display(), _BADGES.get(row.state, "plain"))

    @admin.display(description=_("Queued"))
    def started(self, row: Job) -> str:
        return f"{timezone.localtime(row.created_at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=_("Last message"))
    def last_message(self, row: Job) -> SafeString | str:
        return recorded(row.messages[-1] if row.messages else "")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": say("Jobs")} | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            screen_url(self, "<int:pk>/", job_page, "GET", permission=Permission.VIEW_JOBS),
            screen_url(
                self, "<int:pk>/cancel/", job_cancel, "POST", permission=Permission.CONFIGURE
            ),
        ]


def job_page(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """One job: state, progress, messages; the page looks again until it has ended."""
    row = get_object_or_404(Job, pk=pk)
    may_cancel = not row.is_final and signed_in(request).may(Permission.CONFIGURE)
    context: dict[str, Any] = {
        "row": row,
        "badge": _BADGES.get(row.state, "plain"),
        "may_cancel": may_cancel,
        "opts": Job._meta,
    }
    return show(request, site, "certificates/job.html", say("Job: {job}", job=row), **context)


def job_cancel(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST cancels the job."""
    row = get_object_or_404(Job, pk=pk)
    try:
        cancel_job(row, actor=signed_in(request), now=timezone.now())
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(request, say("The job {job} is being cancelled.", job=row))
    return redirect("admin:certificates_job_page", pk)
