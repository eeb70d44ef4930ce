"""The tables of the exchange's pages, as CSV and JSON (docs/tables.md)."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from bulk.admin.job import NAMES
from bulk.models import Cluster, Plan, Verdict
from bulk.operations import standing
from bulk.operations.standing import ExportRow
from bulk.seen import SeenFile
from certificates.access import Permission
from certificates.admin.export import PageTable
from certificates.models import Job
from certificates.tables import CHUNK, Table, columns


def _exports(request: HttpRequest) -> Iterable[ExportRow]:
    return standing(now=timezone.now()).exports


def _others(request: HttpRequest) -> Iterable[SeenFile]:
    return standing(now=timezone.now()).others


def _clusters(request: HttpRequest) -> Iterable[Cluster]:
    return Cluster.objects.all()


def _runs(request: HttpRequest) -> Iterable[Job]:
    rows = Job.objects.filter(kind__in=NAMES).order_by("-created_at", "-pk")
    return rows.iterator(chunk_size=CHUNK)


def _items(request: HttpRequest, pk: int) -> Iterable[Any]:
    """Those of the chosen verdict, as the page shows them."""
    rows = get_object_or_404(Plan, pk=pk).items.defer("der")
    chosen = request.GET.get("verdict", "")
    if chosen in Verdict:
        rows = rows.filter(verdict=chosen)
    return rows.iterator(chunk_size=CHUNK)


SEE = Permission.VIEW_BULK
TABLES = (
    PageTable(
        "bulk/exports",
        Table(
            "exchange-exports",
            columns(
                "trust",
                "is_consolidated",
                "notes",
                cluster_id="seen__cluster_id",
                cluster_name="seen__cluster_name",
                nodes="seen__nodes",
                service="seen__service",
                number="seen__number",
                made_at="seen__made",
                certificates="seen__count",
                keys="seen__keys",
                file="seen__file",
                size="seen__size",
                problem="seen__problem",
            ),
        ),
        SEE,
        _exports,
    ),
    PageTable("bulk/others", Table("exchange-files", columns("name", "size")), SEE, _others),
    PageTable(
        "bulk/clusters",
        Table(
            "exchange-clusters",
            columns(
                "cluster_id", "name", "nodes", "keys", "latest", "confirmed_at", "confirmed_by"
            ),
        ),
        SEE,
        _clusters,
    ),
    PageTable(
        "bulk/runs",
        Table(
            "exchange-runs",
            columns(
                "id",
                "state",
                "started_by",
                "created_at",
                "ended_at",
                "messages",
                run=lambda job: NAMES[job.kind],
            ),
        ),
        SEE,
        _runs,
    ),
    PageTable(
        "bulk/plan/<int:pk>/certificates",
        Table(
            "import-plan",
            columns(
                "cluster_name",
                "purpose",
                "verdict",
                "name",
                "not_after",
                "fingerprint",
                "nodes",
                "reason",
                "exported_at",
            ),
        ),
        SEE,
        _items,
    ),
)
