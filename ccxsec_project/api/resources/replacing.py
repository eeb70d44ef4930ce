"""Generate, roll back, delete: what puts another certificate in force, or takes one out."""

from typing import Annotated

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Query, Schema, Status

from ccxsec_project.api.authentication import actor_of
from ccxsec_project.api.fields import Confirmed, Fingerprint, KeyInPath, OnNode, Text, node_named
from ccxsec_project.api.resources.certificates import CertificateOut, router, told
from ccxsec_project.api.resources.jobs import JobOut
from ccxsec_project.api.resources.jobs import told as job_told
from ccxsec_project.api.resources.uploads import CheckOut, check_told
from certificates.access import Permission
from certificates.models import Certificate, Job, Purpose
from certificates.operations import delete_trusted, generate, impact_of
from certificates.operations.generate import suggestions
from certificates.operations.roll_back import examine_roll_back, roll_back
from certificates.x509.names import MAXIMUM_NAMES, Subject
from certificates.x509.policy import DEFAULT_DAYS, KeyChoice


class SubjectIn(OnNode):
    """The parts of a subject; what is empty is left out."""

    common_name: Text = Field("", description="Empty: the node's host name.")
    organization: Text = ""
    organizational_unit: Text = ""
    locality: Text = ""
    state: Text = ""
    country: Text = ""

    def subject(self, suggested: Subject) -> Subject:
        """With the node's name where none is given."""
        return Subject(
            common_name=self.common_name or suggested.common_name,
            organization=self.organization,
            organizational_unit=self.organizational_unit,
            locality=self.locality,
            state=self.state,
            country=self.country.upper(),
        )


class GenerateIn(SubjectIn):
    purpose: Purpose
    key: KeyChoice = KeyChoice.RSA_3072
    names: list[Text] | None = Field(
        None, max_length=MAXIMUM_NAMES, description="Alternative names; null: the node's."
    )
    days: int = Field(DEFAULT_DAYS, ge=1, le=10**6)
    replacing: Fingerprint = Field(description="SHA-256 of the one in force; empty: there is none.")
    confirmed: Confirmed = []


class ReplacedOut(Schema):
    """What is in force now, what it replaced, and the job that writes it to the node."""

    certificate: CertificateOut
    replaced: CertificateOut | None
    job: JobOut | None
    restart_required: list[str]


class RollBackIn(OnNode):
    purpose: Purpose
    to: Fingerprint = Field("", description="SHA-256 of a former one; empty: the last one.")
    shown: Text = Field(description="`shown` of the examination that you were given.")
    confirmed: Confirmed = []


class RollBackOut(Schema):
    """Whether the former certificate may come back."""

    accepted: bool
    shown: str
    former: CertificateOut
    current: CertificateOut
    checks: list[CheckOut]


class ImpactOut(Schema):
    """What depends on a trust certificate."""

    shown: str
    nodes: list[str]
    broken_paths: list[CertificateOut]
    issued: int = Field(description="Other certificates of the store that name it as issuer.")
    removed_requests: list[int]
    services: list[str]


class DeletedOut(Schema):
    deleted: CertificateOut
    jobs: list[JobOut]
    restart_required: list[str]


@router.post("/generate", response={201: ReplacedOut}, summary="Generate a self-signed one")
def generate_certificate(request: HttpRequest, body: GenerateIn) -> Status[dict[str, object]]:
    """Refused with 409 unless `replacing` is what is in force: sent twice, it is done once.

    Needs the scope `certificates.generate_certificate`.
    """
    actor = actor_of(request)
    actor.require(Permission.GENERATE)
    node = node_named(body.node)
    done = generate(
        node,
        body.purpose,
        key=body.key,
        subject=body.subject(suggestions(node)[0]),
        names=body.names,
        days=body.days,
        replacing=body.replacing.replace(":", "").lower(),
        confirmed=body.confirmed,
        actor=actor,
        now=timezone.now(),
    )
    return Status(201, _replaced(done.certificate, done.superseded, done.job))


def _replaced(row: Certificate, former: Certificate | None, job: Job | None) -> dict[str, object]:
    return {
        "certificate": told(row),
        "replaced": told(former) if former else None,
        "job": job_told(job) if job else None,
        "restart_required": [row.serves.service.value] if former else [],
    }


@router.get("/roll-back", response=RollBackOut, summary="Look whether a former one may come back")
def look_at_roll_back(
    request: HttpRequest, purpose: Purpose, node: Text = "", to: Fingerprint = ""
) -> dict[str, object]:
    """Needs the scope `certificates.view_certificate`."""
    actor_of(request).require(Permission.VIEW)
    found = examine_roll_back(node_named(node), purpose, to=to, now=timezone.now())
    return {
        "accepted": found.failed is None,
        "shown": found.shown,
        "former": told(found.former),
        "current": told(found.current),
        "checks": [check_told(check) for check in found.checks],
    }


@router.post("/roll-back", response=ReplacedOut, summary="Bring a former one back")
def roll_certificate_back(request: HttpRequest, body: RollBackIn) -> dict[str, object]:
    """`shown` is what the look answered: sent twice, it is done once.

    Needs the scope `certificates.upload_certificate`.
    """
    done = roll_back(
        node_named(body.node),
        body.purpose,
        to=body.to,
        shown=body.shown,
        confirmed=body.confirmed,
        actor=actor_of(request),
        now=timezone.now(),
    )
    return _replaced(done.certificate, done.superseded, done.job)


@router.get("/{int:certificate}/impact", response=ImpactOut, summary="Look what a deletion means")
def show_impact(request: HttpRequest, certificate: KeyInPath) -> dict[str, object]:
    """Needs the scope `certificates.view_certificate`."""
    actor_of(request).require(Permission.VIEW)
    get_object_or_404(Certificate, pk=certificate)
    found = impact_of([certificate], now=timezone.now())
    return {
        "shown": found.shown,
        "nodes": [str(node) for node in found.nodes],
        "broken_paths": [told(row) for row in found.dependent],
        "issued": found.issued,
        "removed_requests": [row.pk for row in found.requests],
        "services": found.services,
    }


@router.delete("/{int:certificate}", response=DeletedOut, summary="Delete a trust certificate")
def delete_certificate(
    request: HttpRequest,
    certificate: KeyInPath,
    shown: Annotated[Text, Query(description="`shown` of its impact.")],
) -> dict[str, object]:
    """Identities are replaced, not deleted. A second time it is 404.

    Needs the scope `certificates.delete_certificate`.
    """
    actor = actor_of(request)
    row = get_object_or_404(Certificate.objects.select_related("node"), pk=certificate)
    gone = told(row)
    done = delete_trusted([row.pk], shown=shown, actor=actor, now=timezone.now())
    return {
        "deleted": gone,
        "jobs": [job_told(job) for job in done.jobs],
        "restart_required": done.impact.services,
    }
