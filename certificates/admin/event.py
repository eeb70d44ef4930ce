"""The audit log, to read only."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from certificates.access import Permission, signed_in
from certificates.admin.export import Exported
from certificates.admin.find_list import BoundedPaginator
from certificates.cells import recorded
from certificates.dialogs import screen_url, show
from certificates.forms.audit_export import AuditExportForm
from certificates.models import Event
from certificates.operations.audit import verify_audit
from certificates.operations.audit_export import begin_export
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.tables import Table, columns


class ReadOnlyScreen(Exported, admin.ModelAdmin):  # type: ignore[type-arg] # not at run time
    """A list that shows what happened; nothing in it can be added, edited or deleted."""

    permission: ClassVar[Permission]
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "certificates/list.html"
    list_per_page = 50
    list_max_show_all = 50
    actions = None
    sortable_by = ()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).may(self.permission)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in {f"{name}__exact" for name in self.list_filter or ()}

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        listed = path("", self.admin_site.admin_view(self.changelist_view), name=name)
        return [listed, *self.export_urls()]


@admin.register(Event)
class EventAdmin(ReadOnlyScreen):
    change_list_template = "certificates/event_list.html"
    permission = Permission.VIEW_EVENTS
    exported = Table(
        "audit",
        columns(
            "sequence",
            "at",
            "actor",
            "action",
            "object_type",
            "object_id",
            "object_text",
            "detail",
            "code",
        ),
    )
    list_display = ("when", "who", "action", "of", "what")
    list_display_links = None
    list_filter = ("action",)

    @admin.display(description=_("Time"))
    def when(self, row: Event) -> str:
        return f"{timezone.localtime(row.at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=_("Actor"))
    def who(self, row: Event) -> SafeString | str:
        return recorded(row.actor)

    @admin.display(description=_("Object"))
    def of(self, row: Event) -> SafeString | str:
        return recorded(row.object_text)

    @admin.display(description=_("Details"))
    def what(self, row: Event) -> SafeString | str:
        told = (f"{key}: {value}" for key, value in row.detail.items() if value != "")
        return recorded(", ".join(told))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": say("Audit log")} | (extra_context or {})
        return super().changelist_view(request, context)

    def get_urls(self) -> list[URLPattern]:
        may = self.permission
        return [
            *super().get_urls(),
            screen_url(self, "verify/", audit_verify, "GET", permission=may),
            screen_url(self, "export/", audit_export, "GET", "POST", permission=may),
        ]


def audit_verify(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """Read the whole log and say whether it is what was written."""
    verdict = verify_audit()
    return show(
        request,
        site,
        "certificates/audit_verify.html",
        say("Audit log verified")
        if not verdict.problem
        else say("The audit log was tampered with"),
        verdict=verdict,
        opts=Event._meta,
    )


def audit_export(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET asks for the days; POST hands out the file, as each time is an event."""
    form = AuditExportForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        since, until = form.cleaned_data["moments"]
        try:
            export = begin_export(
                since=since, until=until, actor=signed_in(request), now=timezone.now()
            )
        except Refused as refused:
            form.refuse(refused)
        else:
            disposition = f'attachment; filename="{export.file_name}"'
            return StreamingHttpResponse(
                export.lines(),
                content_type="application/jsonl",
                headers={"Content-Disposition": disposition},
            )
    context: dict[str, Any] = {"form": form, "opts": Event._meta}
    return show(
        request, site, "certificates/audit_export.html", say("Export the audit log"), **context
    )
