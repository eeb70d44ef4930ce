"""Restarts that new certificates ask for."""

from datetime import UTC, datetime

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema, Status

from ccxsec_project.api.authentication import actor_of
from ccxsec_project.api.fields import Body, KeyInPath
from ccxsec_project.api.resources.jobs import JobOut, told
from certificates.access import Permission
from certificates.models import RestartNotice
from certificates.operations import acknowledge_restart, request_restart, request_restarts
from certificates.refusal import Refused

router = Router(tags=["Restarts"])


class RestartOut(Schema):
    id: int
    node: str
    service: str
    reason: str
    opened_at: str
    can_be_run: bool = Field(description="Whether the product can restart it.")


class AcknowledgeIn(Body):
    opened_at: datetime = Field(description="Of the notice that you were shown.")


def _told(row: RestartNotice) -> dict[str, object]:
    return {
        "id": row.pk,
        "node": row.node.host_name,
        "service": row.service,
        "reason": row.reason,
        "opened_at": row.opened_at.isoformat(),
        "can_be_run": row.can_be_run,
    }


@router.get("", response=list[RestartOut], summary="List what must be restarted, in this order")
def list_restarts(request: HttpRequest) -> list[dict[str, object]]:
    """Needs the scope `certificates.view_certificate`."""
    actor_of(request).require(Permission.VIEW)
    due = RestartNotice.objects.open().in_restart_order().select_related("node")
    return [_told(row) for row in due]


@router.post("/run", response={202: JobOut}, summary="Restart everything that can be")
def run_restarts(request: HttpRequest) -> Status[dict[str, object]]:
    """Publisher first, one after the other, up to the first failure.

    Needs the scope `certificates.restart_service`.
    """
    due = RestartNotice.objects.open().in_restart_order().select_related("node")
    job = request_restarts([row for row in due if row.can_be_run], actor=actor_of(request))
    return Status(202, told(job))


@router.post("/{int:restart}/run", response={202: JobOut}, summary="Restart a service")
def run_restart(request: HttpRequest, restart: KeyInPath) -> Status[dict[str, object]]:
    """The notice closes when a handshake shows the new certificate.

    Needs the scope `certificates.restart_service`.
    """
    row = get_object_or_404(RestartNotice.objects.select_related("node"), pk=restart)
    return Status(202, told(request_restart(row, actor=actor_of(request))))


@router.post(
    "/{int:restart}/acknowledge", response={204: None}, summary="Say that a service was restarted"
)
def acknowledge(request: HttpRequest, restart: KeyInPath, body: AcknowledgeIn) -> Status[None]:
    """A notice that was renewed since you saw it is another one: 409.

    Needs the scope `certificates.restart_service`.
    """
    row = get_object_or_404(RestartNotice.objects.select_related("node"), pk=restart)
    seen = body.opened_at if body.opened_at.tzinfo else body.opened_at.replace(tzinfo=UTC)
    if row.opened_at != seen:
        wrong = f"The {row} is due for another reason than you were shown."
        raise Refused("restart.closed", wrong, "Look at the list again.")
    acknowledge_restart(row, actor=actor_of(request), now=timezone.now())
    return Status(204, None)
