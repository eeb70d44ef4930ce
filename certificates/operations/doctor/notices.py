"""Nobody is told twice, nobody never; and each change asks for its restart."""

from collections.abc import Iterator

from django.db.models import Count, Max, Min, Q

from certificates.models import (
    Message,
    MonitorSettings,
    Node,
    Notification,
    Purpose,
    RestartNotice,
)
from certificates.models.notification import MessageState
from certificates.operations.doctor.finding import Asked
from certificates.operations.monitoring.evaluate import missing
from certificates.operations.monitoring.run import channels_of
from certificates.operations.monitoring.sources import SOURCES
from certificates.refusal import Finding

LOOK = "Look at the delivery log of the Certificate Monitor, and at its mail server."


def notice_problems(asked: Asked) -> Iterator[Finding]:
    """Of expirations, then of restarts; that none is doubled is a rule of the database."""
    yield from _owed(asked)
    yield from _messages(asked)
    yield from _restarts()


def _owed(asked: Asked) -> Iterator[Finding]:
    """What is due has a row, and each row of a channel that is on is in a message."""
    settings = MonitorSettings.objects.current()
    for channel in channels_of(settings):
        unsent = Notification.objects.unsent(channel).filter(created_at__lte=asked.overdue)
        state = unsent.aggregate(many=Count("pk"), oldest=Min("created_at"))
        if state["many"]:
            since = f"{state['oldest']:%Y-%m-%d %H:%M} UTC"
            wrong = f"{state['many']:,} notices of {channel.label} wait since {since}."
            yield Finding("notice.unsent", wrong, LOOK)
        for source in SOURCES if asked.settled else ():  # else the next minute's run finds it
            if missing(source, channel, settings.rule, now=asked.now).exists():
                wrong = f"A {source.name} is due, and has no notice for {channel.label}."
                yield Finding("notice.missing", wrong, "Run the monitor: ./ccxsec monitor run.")


def _messages(asked: Asked) -> Iterator[Finding]:
    held = Q(leased_until__gt=asked.now)
    left = Message.objects.filter(state=MessageState.OPEN, at__lte=asked.overdue).exclude(held)
    for row in left.order_by("pk")[:100]:
        wrong = f"The message {row.identifier} of {row.at:%Y-%m-%d %H:%M} UTC is still being sent."
        yield Finding("message.open", wrong, LOOK)
    empty = Message.objects.filter(notifications=None, state=MessageState.SENT)
    for row in empty.filter(deliveries=None).order_by("pk")[:100]:
        wrong = f"The message {row.identifier} was sent to nobody, about nothing."
        yield Finding("message.empty", wrong, LOOK)


def _restarts() -> Iterator[Finding]:
    for node in Node.objects.order_by("pk").iterator(chunk_size=200):
        for purpose in Purpose.own():
            yield from _restart(node, purpose)


def _restart(node: Node, purpose: Purpose) -> Iterator[Finding]:
    """One is asked for since the last replacement, and waits for what is active now."""
    here = node.certificates.for_purpose(purpose)
    replaced = here.former().aggregate(at=Max("superseded_at"))["at"]
    notices = RestartNotice.objects.filter(node=node, service=purpose.service.value)
    cure = f"Restart {purpose.service} on {node}: ./ccxsec restart run."
    if replaced and not notices.filter(opened_at__gte=replaced).exists():
        wrong = f"The {purpose} certificate of {node} was replaced, and no restart was asked for."
        yield Finding("restart.missing", wrong, cure)
    active = here.active().first()
    for notice in notices.open():
        if notice.fingerprint and active and notice.fingerprint != active.fingerprint:
            wrong = f"The {notice} waits for a certificate that is not the active one."
            yield Finding("restart.other", wrong, cure)
