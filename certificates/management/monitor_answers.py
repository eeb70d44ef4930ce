"""What `./ccxsec monitor` prints: the settings, the state, and the log of messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from certificates.models import Delivery, MonitorSettings
from certificates.operations.monitoring.state import overview, troubles
from certificates.operations.monitoring.trial import Trial


def shown(*, now: datetime) -> Mapping[str, Any]:
    """Settings and state; no secret."""
    row, state = MonitorSettings.objects.current(), overview(now=now)
    return {
        "start_time_days": row.start_days,
        "frequency": f"{row.frequency} {row.frequency_unit}",
        "email": "on" if row.email_enabled else "off",
        "email_ids": row.addresses,
        **_server(state.server),
        "webhook": row.webhook_url,
        "syslog": "on" if row.syslog_enabled else "off",
        "calendar_feed": "on" if row.calendar_digest else "off",
        "watched": state.watched,
        "due": state.due,
        "acknowledged": state.acknowledged,
        "silenced": state.silenced,
        "waiting": [f"{name}: {count}" for name, count in state.waiting.items() if count],
        "last_evaluation": _moment(state.last_run),
        "next_evaluation": _moment(state.next_run),
        "next_to_come_due": _moment(state.first_due),
        "problems": [trouble.sentence for trouble in troubles(now=now)],
    }


def _server(found: Any) -> dict[str, str]:
    if found is None:
        return {"smtp": "none: nothing will be sent"}
    server = found.server
    return {
        "smtp": f"{server.host}:{server.port} {server.security}, from the {found.source}",
        "smtp_user": server.user,
        "smtp_from": server.sender,
    }


def deliveries(*, limit: int) -> list[Mapping[str, Any]]:
    """The newest first."""
    rows = Delivery.objects.select_related("message").order_by("-pk")[: max(limit, 0)]
    return [
        {
            "at": _moment(row.changed_at),
            "channel": row.message.channel,
            "address": row.address,
            "state": row.state,
            "reply": row.reply,
            "message_id": row.message.identifier,
            "subject": row.message.subject,
        }
        for row in rows
    ]


def trial_lines(trial: Trial) -> Mapping[str, Any]:
    """The server's own answers."""
    return {"taken": trial.was_taken, "answer": trial.sentence, "addresses": trial.lines}


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
