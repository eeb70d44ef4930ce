"""The Certificate Monitor: settings, state, acknowledgements."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema, Status

from ccxsec_project.api.authentication import actor_of
from ccxsec_project.api.fields import Body, KeyInPath, Text, moment
from ccxsec_project.api.resources.jobs import JobOut, told
from certificates.access import Permission
from certificates.models import Certificate, MonitorSettings
from certificates.models.monitor import Security
from certificates.operations import acknowledge_expiry, configure_monitor, request_run, withdraw
from certificates.operations.monitoring import MonitorChange
from certificates.operations.monitoring.state import overview, troubles
from certificates.webhook import without_query

router = Router(tags=["Certificate Monitor"])


class MonitorOut(Schema):
    """How it is set, and what it did. No secret is among it."""

    start_days: int
    frequency: int
    frequency_unit: str
    email_enabled: bool
    addresses: list[str]
    smtp_host: str
    smtp_port: int | None
    smtp_security: str
    smtp_user: str
    smtp_sender: str
    webhook_url: str
    syslog_enabled: bool
    watched: int
    due: int
    acknowledged: int
    silenced: int
    last_run: str | None
    next_run: str | None
    problems: list[str]


class MonitorIn(Body):
    """What is to be changed; what is not given stays."""

    start_days: int | None = Field(None, ge=0, le=10**6)
    frequency: int | None = Field(None, ge=0, le=10**6)
    frequency_unit: Literal["hours", "days"] | None = None
    email_enabled: bool | None = None
    addresses: list[Text] | None = Field(None, max_length=200)
    smtp_host: Text | None = None
    smtp_port: int | None = Field(None, ge=1, le=65535)
    smtp_security: Security | None = None
    smtp_user: Text | None = None
    smtp_password: Text | None = Field(None, description="Write only; empty takes it out.")
    smtp_sender: Text | None = None
    webhook_url: Text | None = None
    syslog_enabled: bool | None = None


class AcknowledgeIn(Body):
    until: datetime = Field(description="No notice comes before; UTC where no zone is given.")
    reason: Text


class AcknowledgementOut(Schema):
    certificate: int
    until: str
    reason: str


def _told(row: MonitorSettings) -> dict[str, object]:
    now = timezone.now()
    state = overview(now=now)
    plain = (set(MonitorIn.model_fields) - {"smtp_password", "addresses", "webhook_url"}) | set()
    return {name: getattr(row, name) for name in plain} | {
        "addresses": list(row.addresses),
        "webhook_url": without_query(row.webhook_url),
        "watched": state.watched,
        "due": state.due,
        "acknowledged": state.acknowledged,
        "silenced": state.silenced,
        "last_run": moment(state.last_run),
        "next_run": moment(state.next_run),
        "problems": [trouble.sentence for trouble in troubles(now=now)],
    }


@router.get("", response=MonitorOut, summary="Show settings and state")
def show_monitor(request: HttpRequest) -> dict[str, object]:
    """Needs the scope `certificates.view_certificate`."""
    actor_of(request).require(Permission.VIEW)
    return _told(MonitorSettings.objects.current())


@router.patch("", response=MonitorOut, summary="Change settings")
def change_monitor(request: HttpRequest, body: MonitorIn) -> dict[str, object]:
    """Sent twice, the second one changes nothing.

    Needs the scope `certificates.configure_product`.
    """
    actor = actor_of(request)
    actor.require(Permission.CONFIGURE)
    given = body.model_dump(exclude_unset=True)
    given = {name: value for name, value in given.items() if value is not None}
    if "addresses" in given:
        given["addresses"] = "; ".join(given["addresses"])
    change = replace(MonitorChange.of(MonitorSettings.objects.current()), **given)
    return _told(configure_monitor(change, actor=actor, now=timezone.now()))


@router.post("/run", response={202: JobOut}, summary="Look now, and send what is due")
def run_now(request: HttpRequest) -> Status[dict[str, object]]:
    """No notice is ever sent twice, however often it runs.

    Needs the scope `certificates.configure_product`.
    """
    return Status(202, told(request_run(actor=actor_of(request))))


@router.put(
    "/acknowledgements/{int:certificate}",
    response=AcknowledgementOut,
    summary="No notice about a certificate until then",
)
def acknowledge(
    request: HttpRequest, certificate: KeyInPath, body: AcknowledgeIn
) -> dict[str, object]:
    """Needs the scope `certificates.configure_product`."""
    row = get_object_or_404(Certificate.objects.select_related("node"), pk=certificate)
    until = body.until if body.until.tzinfo else body.until.replace(tzinfo=UTC)
    done = acknowledge_expiry(
        row, until=until, reason=body.reason, actor=actor_of(request), now=timezone.now()
    )
    return {"certificate": row.pk, "until": moment(done.until), "reason": done.reason}


@router.delete(
    "/acknowledgements/{int:certificate}",
    response={204: None},
    summary="Notices about a certificate come again",
)
def withdraw_acknowledgement(request: HttpRequest, certificate: KeyInPath) -> Status[None]:
    """Needs the scope `certificates.configure_product`."""
    row = get_object_or_404(Certificate.objects.select_related("node"), pk=certificate)
    withdraw(row, actor=actor_of(request), now=timezone.now())
    return Status(204, None)
