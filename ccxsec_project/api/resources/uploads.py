"""Upload: the full diagnosis of a file first, then its installation, all of it or nothing."""

import base64
import binascii
from typing import Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Schema

from ccxsec_project.api.authentication import actor_of
from ccxsec_project.api.fields import Confirmed, OnNode, Text, moment, node_named
from ccxsec_project.api.resources.certificates import router
from ccxsec_project.api.resources.jobs import JobOut
from ccxsec_project.api.resources.jobs import told as job_told
from certificates.access import Permission
from certificates.models import Purpose
from certificates.operations.examination import Examination, Item
from certificates.operations.upload import examine, install_upload
from certificates.refusal import Finding, Refused
from certificates.x509.uploads.limits import CHAIN_BYTES


class UploadIn(OnNode):
    """A file: its text where it is PEM, else in base64 (DER, PKCS#7)."""

    purpose: Purpose
    pem: str = Field("", max_length=CHAIN_BYTES + 1)
    base64: str = Field("", max_length=CHAIN_BYTES * 4 // 3 + 8)

    def content(self) -> bytes:
        """Raises `Refused` upload.content."""
        if bool(self.pem) == bool(self.base64):
            wrong = "The file is given as `pem` or as `base64`, and not as both."
            raise Refused("upload.content", wrong, "Give one of them.")
        if self.pem:
            return self.pem.encode()
        try:
            return base64.b64decode("".join(self.base64.split()), validate=True)
        except (binascii.Error, ValueError):
            raise Refused("upload.content", "`base64` is none.", "Encode the file again.") from None


class InstallIn(UploadIn):
    shown: Text = Field("", description="`shown` of the examination; empty: whatever it is now.")
    confirmed: Confirmed = []


class CheckOut(Schema):
    """One check and what it came to."""

    id: str
    outcome: Literal["pass", "warn", "fail"]
    sentence: str
    cure: str


class UploadedOut(Schema):
    """One certificate of the file, and what it is there for."""

    role: str
    subject: str
    issuer: str
    serial: str
    sha256: str
    not_before: str | None
    not_after: str | None
    key: str
    added_to: list[str]


class ExaminationOut(Schema):
    """Every check of a file, and what installing it would change."""

    accepted: bool
    reason: str | None
    shown: str
    purpose: Purpose
    node: str
    checks: list[CheckOut]
    certificates: list[UploadedOut]
    path: list[str]
    replaces: list[str] = Field(description="SHA-256 of what is in force there now.")
    changes: bool
    restart: list[str]


class InstalledOut(ExaminationOut):
    jobs: list[JobOut]


def check_told(check: Finding) -> dict[str, str]:
    """A check as the API shows it."""
    return {
        "id": check.code,
        "outcome": check.outcome.value,
        "sentence": check.sentence,
        "cure": check.cure,
    }


def examination_told(found: Examination) -> dict[str, object]:
    """An examination as the API shows it."""
    return {
        "accepted": found.accepted,
        "reason": found.reason,
        "shown": found.shown,
        "purpose": found.purpose,
        "node": str(found.node),
        "checks": [check_told(check) for check in found.checks],
        "certificates": [_item(item) for item in found.items],
        "path": list(found.path),
        "replaces": [row.fingerprint for row in found.replaces if row.node in found.places],
        "changes": found.accepted and found.changes,
        "restart": found.restarts if found.accepted else [],
    }


def _item(item: Item) -> dict[str, object]:
    facts = item.read.facts
    return {
        "role": item.role.value,
        "subject": facts.subject,
        "issuer": facts.issuer,
        "serial": facts.serial_number,
        "sha256": facts.fingerprint,
        "not_before": moment(facts.not_before),
        "not_after": moment(facts.not_after),
        "key": facts.key_label,
        "added_to": [str(node) for node in item.missing_on],
    }


@router.post("/examine", response=ExaminationOut, summary="Examine a file; change nothing")
def examine_file(request: HttpRequest, body: UploadIn) -> dict[str, object]:
    """A file that can't be installed is an answer, too: `accepted` is false, `checks` say why.

    Needs the scope `certificates.upload_certificate`.
    """
    actor_of(request).require(Permission.UPLOAD)
    node = node_named(body.node)
    return examination_told(examine(node, body.purpose, body.content(), now=timezone.now()))


@router.post("/install", response=InstalledOut, summary="Install a file")
def install_file(request: HttpRequest, body: InstallIn) -> dict[str, object]:
    """All of it or nothing. Of what is in force already a warning says so: it is done once.

    Needs the scope `certificates.upload_certificate`.
    """
    actor, node, content = actor_of(request), node_named(body.node), body.content()
    actor.require(Permission.UPLOAD)
    now = timezone.now()
    shown = body.shown or examine(node, body.purpose, content, now=now).shown
    done = install_upload(
        node,
        body.purpose,
        content,
        shown=shown,
        confirmed=body.confirmed,
        actor=actor,
        now=now,
    )
    return examination_told(done.examination) | {"jobs": [job_told(job) for job in done.jobs]}
