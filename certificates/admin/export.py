"""The tables of the screens as CSV and JSON: what is found now, every row, whatever the length.

A list names its columns in `exported`; a table on a page of its own is a `PageTable`. Both ask
for the permission of what they are on. See docs/tables.md.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_safe

from certificates.access import Permission
from certificates.dialogs import site_url
from certificates.tables import CHUNK, Table


class Exported:
    """A list of the admin whose found rows can be saved; mixed in before `ModelAdmin`."""

    exported: ClassVar[Table | None] = None
    admin_site: AdminSite
    opts: Any

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Whoever sees the list may save it, unless the list says otherwise."""
        return bool(self.has_view_permission(request))  # type: ignore[attr-defined] # of ModelAdmin

    def exported_rows(self, rows: Any) -> Iterable[Any]:
        """The rows one by one, never all at once; `rows` are those that the list has found."""
        return rows.iterator(chunk_size=CHUNK)  # type: ignore[no-any-return]

    def export_urls(self) -> list[URLPattern]:
        """Beside the list, `export.csv` and `export.json`; none without columns."""
        if self.exported is None:
            return []
        list_name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view(self._export_view(self.exported))
        return [path("export.<table:kind>", view, name=f"{list_name}_export")]

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc] # of ModelAdmin
        return [*self.export_urls(), *urls]

    def _export_view(self, table: Table) -> Callable[..., HttpResponseBase]:
        @require_safe
        def view(request: HttpRequest, kind: str) -> HttpResponseBase:
            if not self.has_export_permission(request):
                raise PermissionDenied
            try:
                found: Any = self.get_changelist_instance(request)  # type: ignore[attr-defined]
            except IncorrectLookupParameters:
                return self._back(request)
            if getattr(found, "find_refused", None):
                return self._back(request)
            return table.answer(self.exported_rows(found.get_queryset(request)), kind)

        return view

    def _back(self, request: HttpRequest) -> HttpResponseBase:
        """The list itself says what is wrong with what was asked."""
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return redirect(f"{address}?{request.GET.urlencode()}")


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table on a page that is no list.

    Args:
        route: below the admin, without the ending; it may capture a key, as the page's own does.
        rows: takes the request and what the route captures.
    """

    route: str
    table: Table
    permission: Permission
    rows: Callable[..., Iterable[Any]]

    @property
    def name(self) -> str:
        """Of its address."""
        return self.table.name.replace("-", "_")

    def url(self, site: AdminSite) -> URLPattern:
        """Its address, in both formats."""

        def view(
            request: HttpRequest, site: AdminSite, kind: str, **captured: Any
        ) -> HttpResponseBase:
            return self.table.answer(self.rows(request, **captured), kind)

        route = f"{self.route}.<table:kind>"
        return site_url(site, route, view, "GET", permission=self.permission, name=self.name)


def table_urls(site: AdminSite, tables: Sequence[PageTable]) -> list[URLPattern]:
    """The addresses of all of them."""
    return [table.url(site) for table in tables]
