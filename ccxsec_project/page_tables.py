"""The tables of the dashboard and of API tokens as files, and those of all apps together."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils import timezone

from bulk.admin.page_tables import TABLES as OF_BULK
from ccxsec_project.api.admin.tokens import seen_by
from ccxsec_project.api.models import ApiToken
from ccxsec_project.attention import Attention
from ccxsec_project.dashboard import attention
from ccxsec_project.timeline import Column as Month
from ccxsec_project.timeline import timeline
from certificates.access import Permission, signed_in
from certificates.admin.export import PageTable, table_urls
from certificates.admin.page_tables import TABLES as OF_CERTIFICATES
from certificates.models import Certificate
from certificates.tables import CHUNK, Table, columns
from ipsec.admin.page_tables import TABLES as OF_IPSEC


def _attention(request: HttpRequest) -> Iterable[Attention]:
    return attention(signed_in(request))


def _next_to_expire(request: HttpRequest) -> Iterable[Any]:
    """All that has not expired yet, the next one first; the dashboard shows the first few."""
    rows = Certificate.objects.active().filter(not_after__gte=timezone.now())
    rows = rows.select_related("node").defer("der", "undecoded").order_by("not_after", "pk")
    return rows.iterator(chunk_size=CHUNK)


def _months(request: HttpRequest) -> Iterable[Month]:
    return timeline(timezone.now()).columns


def _tokens(request: HttpRequest) -> Iterable[ApiToken]:
    rows = seen_by(request).select_related("user").in_list_order()
    return rows.iterator(chunk_size=CHUNK)


OF_THE_PROJECT = (
    PageTable(
        "attention",
        Table("attention", columns("urgency", "word", "sentence", "cure", "address")),
        Permission.VIEW,
        _attention,
    ),
    PageTable(
        "next-to-expire",
        Table(
            "next-to-expire",
            columns(
                "not_after",
                "purpose",
                "file_name",
                "common_name",
                "issuer_common_name",
                "fingerprint",
                node="node__host_name",
            ),
        ),
        Permission.VIEW,
        _next_to_expire,
    ),
    PageTable(
        "expirations-by-month",
        Table("expirations-by-month", columns("begin", "end", "own", "trust", "is_more")),
        Permission.VIEW,
        _months,
    ),
    PageTable(
        "tokens/tokens",
        Table(
            "api-tokens",
            columns(
                "identifier",
                "name",
                "user",
                "scopes",
                "networks",
                "created_at",
                "created_by",
                "expires_at",
                "revoked_at",
                "revoked_by",
                "used_at",
                "used_from",
            ),
        ),
        Permission.VIEW,
        _tokens,
    ),
)
TABLES = (*OF_THE_PROJECT, *OF_CERTIFICATES, *OF_IPSEC, *OF_BULK)


def page_table_urls(site: AdminSite) -> list[URLPattern]:
    """Every table of every page."""
    return table_urls(site, TABLES)
