"""Backup: make one, see what there is, download it, and have them made by the clock (CM-10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.sites import AdminSite
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.debug import sensitive_post_parameters

from certificates.access import Permission, signed_in
from certificates.admin.event import ReadOnlyScreen
from certificates.backup_format.keys import SCRYPT
from certificates.cells import at
from certificates.dialogs import screen_url, show, tell
from certificates.forms.backup import BackupForm
from certificates.models import (
    Action,
    BackupLock,
    BackupSettings,
    Event,
    Job,
    JobState,
)
from certificates.operations import note_download, request_backup, set_backups
from certificates.operations.backup.folder import BackupFile, backups_in
from certificates.operations.backup.schedule import KIND, folder_of
from certificates.refusal import Refused
from certificates.sentence import say

SHOWN = 100  # files
PAGE = "admin:certificates_backupsettings_changelist"


@dataclass(frozen=True, slots=True)
class Line:
    """A backup in the list; `urgency` is a CSS class, `word` says the same."""

    name: str
    taken: str
    size: int
    opens_with: str
    urgency: str
    word: str


@admin.register(BackupSettings)
class BackupAdmin(ReadOnlyScreen):
    permission = Permission.BACKUP

    def get_urls(self) -> list[URLPattern]:
        """A backup holds every key: who opens it, and taking one away, is for a proven person."""
        may = Permission.BACKUP
        return [
            screen_url(
                self,
                "",
                backups,
                "GET",
                "POST",
                permission=may,
                name="certificates_backupsettings_changelist",
                proof=True,
            ),
            screen_url(self, "make/", backup_make, "POST", permission=may),
            screen_url(self, "download/", backup_download, "POST", permission=may, proof=True),
        ]


@sensitive_post_parameters("passphrase", "again")
def backups(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET shows what there is; POST changes the settings."""
    row = BackupSettings.objects.current()
    form = BackupForm(row, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            set_backups(form.choice(), actor=signed_in(request))
        except Refused as refused:
            form.refuse(refused)
        else:
            messages.success(request, say("The settings of backups were saved."))
            return redirect(PAGE)
    folder, trouble = folder_of(row), ""
    try:
        found = backups_in(folder, most=SHOWN)
    except OSError as error:
        found, trouble = (
            [],
            say("The folder {folder} can't be read: {why}.", folder=folder, why=error.strerror),
        )
    states = [JobState.QUEUED, JobState.RUNNING]
    context: dict[str, Any] = {
        "form": form,
        "row": row,
        "lines": _lines(found),
        "folder": folder,
        "trouble": trouble,
        "shown": SHOWN,
        "under_way": Job.objects.filter(kind=KIND, state__in=states).first(),
        "is_ready": row.locked_by != BackupLock.NONE,
        "is_due": row.is_due(timezone.now()),
        "opts": BackupSettings._meta,
    }
    return show(request, site, "certificates/backups.html", say("Backup"), **context)


def backup_make(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST queues a backup, and goes to its job."""
    try:
        job = request_backup(actor=signed_in(request))
    except Refused as refused:
        tell(request, refused)
        return redirect(PAGE)
    return redirect("admin:certificates_job_page", job.pk)


def backup_download(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST hands out a file, as each time is an event."""
    try:
        path = note_download(request.POST.get("name", ""), actor=signed_in(request))
        file = path.open("rb")
    except Refused as refused:
        tell(request, refused)
        return redirect(PAGE)
    except OSError as error:
        messages.error(request, say("The backup can't be read: {why}.", why=error.strerror))
        return redirect(PAGE)
    kind = "application/octet-stream"
    return FileResponse(file, as_attachment=True, filename=path.name, content_type=kind)


def _lines(found: Sequence[BackupFile]) -> list[Line]:
    """Beside each file what the audit log knows of it."""
    made = Event.objects.filter(
        action=Action.BACKUP_CREATE, object_text__in=[file.name for file in found]
    )
    sizes = {event.object_text: event.detail.get("size") for event in made.order_by("sequence")}
    return [_line(file, sizes.get(file.name)) for file in found]


def _line(file: BackupFile, size: Any) -> Line:
    if file.header is None:
        return Line(file.name, "", file.size, file.problem, "critical", say("Unreadable"))
    state = ("plain", say("Not made here")) if size is None else ("valid", say("Read back"))
    if size is not None and size != file.size:
        state = ("critical", say("Size differs"))
    taken = at(parse_datetime(file.header.made_at))
    return Line(file.name, taken, file.size, _opens_with(file.header.locks), *state)


def _opens_with(locks: list[dict[str, Any]]) -> str:
    """As the command says it, in the language of the page."""
    named = [
        say("a passphrase")
        if lock["kind"] == SCRYPT
        else say("the key of {recipient}", recipient=lock["recipient"])
        for lock in locks
    ]
    return reduce(lambda one, other: say("{one} or {other}", one=one, other=other), named)
