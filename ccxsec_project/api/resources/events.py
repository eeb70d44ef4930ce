"""The audit log, to be read."""

from django.http import HttpRequest
from ninja import Router, Schema

from ccxsec_project.api.authentication import actor_of
from ccxsec_project.api.fields import Cursor, Limit, moment
from ccxsec_project.api.paging import page_by
from certificates.access import Permission
from certificates.models import Event
from certificates.models.event import Action

router = Router(tags=["Audit log"])


class EventOut(Schema):
    """Who did what; `code` binds it to the event before it."""

    sequence: int
    at: str
    actor: str
    action: str
    object: str
    object_type: str
    object_id: str
    detail: dict[str, str | int | bool]
    code: str


class EventPage(Schema):
    items: list[EventOut]
    next: str | None


@router.get("", response=EventPage, summary="List the events, the newest first")
def list_events(
    request: HttpRequest,
    *,
    action: Action | None = None,
    limit: Limit = 50,
    after: Cursor = "",
) -> dict[str, object]:
    """Needs the scope `certificates.view_event`."""
    actor_of(request).require(Permission.VIEW_EVENTS)
    rows = Event.objects.all()
    if action:
        rows = rows.filter(action=action.value)
    return page_by(rows, "-sequence", _told, limit=limit, after=after)


def _told(row: Event) -> dict[str, object]:
    return {
        "sequence": row.sequence,
        "at": moment(row.at),
        "actor": row.actor,
        "action": row.action,
        "object": row.object_text,
        "object_type": row.object_type,
        "object_id": row.object_id,
        "detail": row.detail,
        "code": row.code,
    }
