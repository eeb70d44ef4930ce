"""What the monitor watches, what is due, what it did last, and what stands in its way."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django_q.models import Schedule

from certificates.models import (
    Acknowledgement,
    Channel,
    Delivery,
    MonitorSettings,
    MonitorState,
    Notification,
)
from certificates.models.notification import DeliveryState
from certificates.operations.monitoring.configure import MailServer, mail_server
from certificates.operations.monitoring.run import EVALUATION, channels_of
from certificates.operations.monitoring.sources import SOURCES
from certificates.queue_guard import SCHEDULES
from certificates.secrets import SealError
from certificates.sentence import say

COUNTED = 10_000  # more than this is shown as such
OVERDUE = timedelta(hours=1)  # since the last evaluation


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts go up to `COUNTED` + 1, which says "more than".

    Args:
        first_due: when the next certificate comes due that is not so yet; None: none does.
        unreadable: certificates whose expiry can't be read, and so can't be told.
    """

    watched: int
    due: int
    acknowledged: int
    silenced: int
    unreadable: int
    waiting: dict[str, int]
    first_due: datetime | None
    last_run: datetime | None
    next_run: datetime | None
    server: MailServer | None
    states: list[MonitorState]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps notices from arriving."""

    is_critical: bool
    sentence: str
    cure: str


def overview(*, now: datetime) -> Overview:
    """A constant number of queries, each of which ends early."""
    row = MonitorSettings.objects.current()
    until = now + row.rule.start
    acknowledged = Acknowledgement.objects.in_force(now)
    beginnings = [
        end - row.rule.start for source in SOURCES if (end := _next_end(source, until)) is not None
    ]
    states = {state.name: state for state in MonitorState.objects.all()}
    schedule = Schedule.objects.filter(name__in=list(SCHEDULES)).order_by("next_run").first()
    last = states.get(EVALUATION)
    return Overview(
        watched=sum(_count(source.rows()) for source in SOURCES),
        due=sum(_count(source.due(until)) for source in SOURCES),
        acknowledged=_count(acknowledged),
        silenced=sum(_count(source.due(until).filter(source.is_silenced())) for source in SOURCES),
        unreadable=sum(
            _count(source.rows().filter(**{source.not_after: None})) for source in SOURCES
        ),
        waiting={
            channel.label: _count(Notification.objects.unsent(channel)) for channel in Channel
        },
        first_due=min(beginnings, default=None),
        last_run=last.done_at if last else None,
        next_run=schedule.next_run if schedule else None,
        server=_server(row),
        states=[states[name] for name in Channel.values if name in states],
    )


def _next_end(source: Any, until: datetime) -> datetime | None:
    rows = source.rows().filter(**{f"{source.not_after}__gt": until})
    ends = rows.order_by(source.not_after).values_list(source.not_after, flat=True)
    return next(iter(ends[:1]), None)


def _count(rows: Any) -> int:
    return int(rows.order_by()[: COUNTED + 1].count())


def _server(row: MonitorSettings) -> MailServer | None:
    try:
        return mail_server(row)
    except SealError:
        return None


def troubles(*, now: datetime) -> list[Trouble]:
    """For the dashboard and the page; nothing where all is well."""
    row = MonitorSettings.objects.current()
    return [*_of_the_server(row), *_of_channels(row), *_of_an_address(row), *_of_the_clock(now)]


def _of_the_server(row: MonitorSettings) -> Iterator[Trouble]:
    try:
        server = mail_server(row)
    except SealError as error:
        wrong = say("The mail server's password: {error}", error=error)
        yield Trouble(True, wrong, say("Enter it again"))
        return
    if row.email_enabled and server is None:
        wrong = say("E-mail notification is enabled, but there is no SMTP host: nothing is sent.")
        yield Trouble(True, wrong, say("Enter the mail server"))


def _of_channels(row: MonitorSettings) -> Iterator[Trouble]:
    wanted = {channel.value: channel.label for channel in channels_of(row)}
    for state in MonitorState.objects.filter(name__in=list(wanted)).exclude(problem=""):
        wrong = say(
            "{channel} of the Certificate Monitor: {problem}",
            channel=wanted[state.name],
            problem=state.problem,
        )
        yield Trouble(state.failures > 0, wrong, say("Look at the delivery log"))


def _of_an_address(row: MonitorSettings) -> Iterator[Trouble]:
    newest = Delivery.objects.filter(message__channel=Channel.EMAIL).order_by("-message_id").first()
    refused = newest and newest.message.deliveries.filter(state=DeliveryState.REFUSED).first()
    if refused and row.email_enabled and refused.address in row.addresses:
        wrong = say(
            "The mail server refused the address {address}: {reply}",
            address=refused.address,
            reply=refused.reply,
        )
        yield Trouble(False, wrong, say("Correct the address"))


def _of_the_clock(now: datetime) -> Iterator[Trouble]:
    last = MonitorState.objects.filter(name=EVALUATION).first()
    if last and last.done_at and now - last.done_at > OVERDUE:
        wrong = say(
            "The Certificate Monitor has not looked since {moment} UTC.",
            moment=f"{last.done_at:%Y-%m-%d %H:%M}",
        )
        yield Trouble(True, wrong, say("Run it now"))
