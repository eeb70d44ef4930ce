"""Bulk Certificate Management: the exchange with other clusters over one SFTP server."""

from typing import Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema, Status

from bulk.management.answers import plan_details, standing_details
from bulk.models import Plan
from bulk.operations import (
    request_consolidate,
    request_export,
    request_import,
    request_look,
    request_survey,
    standing,
)
from ccxsec_project.api.authentication import actor_of
from ccxsec_project.api.fields import Body, Fingerprint, KeyInPath
from ccxsec_project.api.resources.jobs import JobOut, told
from certificates.access import Permission

router = Router(tags=["Bulk Certificate Management"])
Accepted = Status[dict[str, object]]


class StepOut(Schema):
    step: str
    state: str
    about: str


class ExportOut(Schema):
    cluster: str
    cluster_id: str
    service: str
    trust: str
    made_at: str
    certificates: int
    consolidated: bool
    file: str
    notes: list[str]


class ClusterOut(Schema):
    cluster: str
    cluster_id: str
    fingerprints: dict[str, str]


class ExchangeOut(Schema):
    """How the exchange stands by the last look at the server. Nothing is asked for now."""

    server: str
    directory: str
    host_key: str
    host_key_alarm: str
    cluster_id: str
    cluster_name: str
    own_fingerprints: dict[str, str]
    looked_at: str
    trouble: str
    steps: list[StepOut]
    exports: list[ExportOut]
    unconfirmed: list[ClusterOut]
    clusters: list[ClusterOut]
    may_import: bool
    missing: list[str]


class ExportIn(Body):
    service: Literal["tomcat", "ipsec", "all"]


class PlanItemOut(Schema):
    verdict: str
    certificate: str
    store: str
    cluster: str
    not_after: str
    fingerprint: str
    reason: str


class PlanOut(Schema):
    """What an import would change, certificate by certificate."""

    id: int
    source: str
    digest: str = Field(description="To be given to the import as `shown`.")
    is_imported: bool
    counts: dict[str, int]
    left_out: list[str]
    new_keys: list[str]
    certificates: list[PlanItemOut]


class ImportIn(Body):
    shown: Fingerprint = Field(description="`digest` of the plan.")
    remove: bool = Field(False, description="Also what its cluster has no longer.")


@router.get("", response=ExchangeOut, summary="Show how the exchange stands")
def show_exchange(request: HttpRequest) -> dict[str, object]:
    """Needs the scope `bulk.view_exchange`."""
    actor_of(request).require(Permission.VIEW_BULK)
    now = timezone.now()
    return dict(standing_details(standing(now=now), now=now))


@router.post("/survey", response={202: JobOut}, summary="Look at the server")
def survey(request: HttpRequest) -> Accepted:
    """Needs the scope `bulk.run_exchange`."""
    return Status(202, told(request_survey(actor=actor_of(request))))


@router.post("/export", response={202: JobOut}, summary="Export this cluster's certificates")
def export(request: HttpRequest, body: ExportIn) -> Accepted:
    """Needs the scope `bulk.run_exchange`."""
    return Status(202, told(request_export(body.service, actor=actor_of(request))))


@router.post("/consolidate", response={202: JobOut}, summary="Make the exports one file")
def consolidate(request: HttpRequest) -> Accepted:
    """Needs the scope `bulk.run_exchange`."""
    return Status(202, told(request_consolidate(actor=actor_of(request))))


@router.post("/look", response={202: JobOut}, summary="Look what an import would change")
def look(request: HttpRequest) -> Accepted:
    """When the job is done, it names its `plan`.

    Needs the scopes `bulk.run_exchange` and `certificates.upload_certificate`.
    """
    return Status(202, told(request_look(actor=actor_of(request))))


@router.get("/plans/{int:plan}", response=PlanOut, summary="Show what an import would change")
def show_plan(request: HttpRequest, plan: KeyInPath) -> dict[str, object]:
    """Needs the scope `bulk.view_exchange`."""
    actor_of(request).require(Permission.VIEW_BULK)
    row = get_object_or_404(Plan, pk=plan)
    told_of_row = {"id": row.pk, "is_imported": row.imported_at is not None}
    left_out = [str(line) for line in row.refused]
    return {**plan_details(row), **told_of_row, "left_out": left_out}


@router.post("/plans/{int:plan}/import", response={202: JobOut}, summary="Import a plan")
def import_plan(request: HttpRequest, plan: KeyInPath, body: ImportIn) -> Accepted:
    """What you were shown, or nothing; done once, however often it is sent.

    Needs the scopes `bulk.run_exchange` and `certificates.upload_certificate`.
    """
    row = get_object_or_404(Plan, pk=plan)
    job = request_import(row, shown=body.shown, remove=body.remove, actor=actor_of(request))
    return Status(202, told(job))
