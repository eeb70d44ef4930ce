"""Certificate Management: the Certificate List (CM-1, CM-2) and its actions."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from certificates.access import Permission, signed_in
from certificates.admin.acknowledge import expiry_acknowledge, expiry_withdraw
from certificates.admin.changelist import FIELD_CHOICES, CertificateChangeList
from certificates.admin.delete import delete_dialog, delete_selected
from certificates.admin.details import details
from certificates.admin.download import FILE_KINDS, download, download_selected
from certificates.admin.filters import (
    ExpiryFilter,
    KeyTypeFilter,
    NodeFilter,
    PurposeFilter,
    TypeFilter,
)
from certificates.admin.find_list import OPERATOR_CHOICES, FindScreen
from certificates.admin.generate import generate_dialog, regenerate_selected, regenerate_several
from certificates.admin.guide import guide
from certificates.admin.remembered import remembered
from certificates.admin.roll_back import roll_back_dialog
from certificates.admin.trust_stores import copy_trust_dialog, trust_stores_page
from certificates.admin.upload import upload_dialog
from certificates.cells import UNKNOWN, breaking, changes_at, expiry, recorded, with_legacy
from certificates.dialogs import screen_url
from certificates.models import Certificate
from certificates.sentence import say
from certificates.tables import Table, columns

PAGE = 25


@admin.register(Certificate)
class CertificateAdmin(FindScreen):
    exported = Table(
        "certificates",
        columns(
            "node",
            "purpose",
            "file_name",
            "common_name",
            "type",
            "key_label",
            "subject",
            "issuer",
            "serial_number",
            # None is "" as in `cert list --json`, whose words these are.
            not_before=lambda row: row.not_before or "",
            not_after=lambda row: row.not_after or "",
            signature_algorithm="signature_algorithm",
            fingerprint="fingerprint",
            subject_alternative_names="subject_alternative_names",
            description="description",
        ),
    )
    change_list_template = "certificates/certificate_list.html"
    list_display = (
        "purpose",
        "file",
        "name",
        "kind",
        "key",
        "on_node",
        "issued_by",
        "expiration",
        "about",
    )
    list_display_links = ("file",)
    list_filter = (PurposeFilter, TypeFilter, NodeFilter, KeyTypeFilter, ExpiryFilter)
    list_per_page = PAGE
    list_max_show_all = PAGE
    list_select_related = ("node",)
    ordering = ("-is_own", "purpose", "common_name", "pk")
    actions = ("download_pem", "download_der", "regenerate", "delete_trusted")
    actions_selection_counter = True

    @admin.display(description=_("File name"), ordering="file_name")
    def file(self, row: Certificate) -> SafeString:
        return breaking(row.file_name)

    @admin.display(description=_("Common name"), ordering="common_name")
    def name(self, row: Certificate) -> SafeString:
        return breaking(row.common_name or UNKNOWN)

    @admin.display(description=_("Type"), ordering="type")
    def kind(self, row: Certificate) -> str:
        return row.get_type_display()

    @admin.display(description=_("Key type"), ordering="key_label")
    def key(self, row: Certificate) -> SafeString | str:
        return with_legacy(row.key_label, is_legacy=row.is_legacy)

    @admin.display(description=_("Node"), ordering="node__host_name")
    def on_node(self, row: Certificate) -> SafeString:
        return breaking(str(row.node))

    @admin.display(description=_("Issued by"), ordering="issuer_common_name")
    def issued_by(self, row: Certificate) -> SafeString:
        return breaking(row.issuer_common_name or UNKNOWN)

    @admin.display(description=_("Expiration"), ordering="not_after")
    def expiration(self, row: Certificate) -> SafeString:
        return expiry(row.not_after, timezone.now()).as_cell()

    @admin.display(description=_("Description"), ordering="description")
    def about(self, row: Certificate) -> SafeString | str:
        if not row.is_older:
            return recorded(row.description)
        older = format_html('<span class="badge plain">{}</span>', say("Older"))
        return format_html("{} {}", recorded(row.description), older)

    @admin.action(description=_("Download .PEM"), permissions=["download"])
    def download_pem(self, request: HttpRequest, chosen: QuerySet[Certificate]) -> Any:
        return download_selected(request, chosen, "pem")

    @admin.action(description=_("Download .DER"), permissions=["download"])
    def download_der(self, request: HttpRequest, chosen: QuerySet[Certificate]) -> Any:
        return download_selected(request, chosen, "der")

    @admin.action(
        description=_("Regenerate self-signed (own certificates)"), permissions=["generate"]
    )
    def regenerate(self, request: HttpRequest, chosen: QuerySet[Certificate]) -> Any:
        return regenerate_selected(request, chosen)

    @admin.action(description=_("Delete (trust certificates)"), permissions=["remove"])
    def delete_trusted(self, request: HttpRequest, chosen: QuerySet[Certificate]) -> Any:
        return delete_selected(request, chosen)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).may(Permission.VIEW)

    def has_download_permission(self, request: HttpRequest) -> bool:
        return signed_in(request).may(Permission.DOWNLOAD)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_download_permission(request)

    def exported_rows(self, rows: Any) -> Iterable[Any]:
        return super().exported_rows(rows.defer(None).defer("der", "undecoded"))

    def has_generate_permission(self, request: HttpRequest) -> bool:
        return signed_in(request).may(Permission.GENERATE)

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return signed_in(request).may(Permission.DELETE)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return CertificateChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            "title": say("Certificate List"),
            "field_choices": FIELD_CHOICES,
            "operator_choices": OPERATOR_CHOICES,
            "thing_named": say("certificate"),
            "things_named": say("certificates"),
            "may_generate": self.has_generate_permission(request),
            "may_download": self.has_download_permission(request),
            "may_upload": signed_in(request).may(Permission.UPLOAD),
        }
        shown = super().changelist_view
        make = partial(shown, request, context | (extra_context or {}))
        return remembered(request, make, _holds_until)

    def get_urls(self) -> list[URLPattern]:
        view: Callable[..., Any] = self.admin_site.admin_view(self.changelist_view)

        def dialog(
            route: str, page: Callable[..., Any], ask: Permission, *, proof: bool = True
        ) -> URLPattern:
            return screen_url(self, route, page, "GET", "POST", permission=ask, proof=proof)

        def reading(
            route: str, page: Callable[..., Any], permission: Permission, name: str
        ) -> URLPattern:
            return screen_url(self, route, page, "GET", permission=permission, name=name)

        return [
            path("", view, name="certificates_certificate_changelist"),
            dialog("generate/", generate_dialog, Permission.GENERATE),
            dialog("regenerate/", regenerate_several, Permission.GENERATE),
            dialog("upload/", upload_dialog, Permission.UPLOAD, proof=False),
            dialog("roll-back/", roll_back_dialog, Permission.UPLOAD),
            dialog("delete/", delete_dialog, Permission.DELETE),
            reading("guide/", guide, Permission.VIEW, "certificates_guide"),
            reading(
                "trust-stores/", trust_stores_page, Permission.VIEW, "certificates_trust_stores"
            ),
            screen_url(
                self,
                "trust-stores/copy/",
                copy_trust_dialog,
                "POST",
                permission=Permission.UPLOAD,
                name="certificates_copy_trust",
            ),
            *self.export_urls(),
            *(
                reading(
                    f"<int:pk>/download.{kind}",
                    download(kind),
                    Permission.DOWNLOAD,
                    f"certificates_download_{kind}",
                )
                for kind in FILE_KINDS
            ),
            *(
                screen_url(self, route, page, "POST", permission=Permission.CONFIGURE)
                for route, page in (
                    ("<int:pk>/acknowledge/", expiry_acknowledge),
                    ("<int:pk>/withdraw/", expiry_withdraw),
                )
            ),
            reading(
                "<int:pk>/change/", details, Permission.VIEW, "certificates_certificate_change"
            ),
        ]


def _holds_until(answer: TemplateResponse, now: datetime) -> datetime:
    """The moment of the first row whose expiration reads otherwise then."""
    rows = (answer.context_data or {})["cl"].result_list
    ends = [changes_at(row.not_after, now) for row in rows]
    return min(ends, default=datetime.max.replace(tzinfo=UTC))
