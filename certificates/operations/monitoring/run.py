"""One run of the monitor: write down what is due, then send it through each channel (MO-2)."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from certificates.access import Actor, Permission
from certificates.jobs import enqueue, job
from certificates.models import (
    Channel,
    Job,
    Message,
    MonitorSettings,
    MonitorState,
    Notification,
    Secret,
)
from certificates.models.monitor import WEBHOOK_KEY
from certificates.models.notification import MessageState
from certificates.operations.monitoring.configure import mail_server
from certificates.operations.monitoring.evaluate import drop_what_is_over, evaluate
from certificates.operations.monitoring.sending import give_up, send_due
from certificates.operations.monitoring.transports import Email, Syslog, Transport, Webhook
from certificates.secrets import SealError
from certificates.sentence import say, together

logger = logging.getLogger(__name__)
EVALUATION = "evaluation"
KEPT = timedelta(days=400)  # the log of what was sent
KEPT_FAILURES = timedelta(days=30)
PRUNED_EVERY = timedelta(hours=1)
PILED_UP = timedelta(days=35)  # of unsent notices, the newest of a certificate is enough
_PORTION = 5000


@dataclass
class Run:
    """What one run did."""

    due: int = 0  # notices that were not there before
    messages: list[Message] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)  # by channel

    def __str__(self) -> str:
        sent = [m for m in self.messages if m.state in (MessageState.SENT, MessageState.UNKNOWN)]
        done = say(
            "{due} notices have come due, {count} messages were sent.",
            due=f"{self.due:,}",
            count=len(sent),
        )
        problems = (say("{channel}: {text}", channel=k, text=v) for k, v in self.problems.items())
        return together(done, *problems)


def run_monitor(*, now: datetime, hurry: bool = False) -> Run:
    """Evaluate and send. Whoever calls it, and how often, makes no difference to what is sent.

    Args:
        hurry: also before the pause after a failure is over.
    """
    row, run = MonitorSettings.objects.current(), Run()
    wanted = channels_of(row)
    run.due = evaluate(wanted, row.rule, now=now)
    drop_what_is_over(wanted, row.rule, now=now)
    for channel in Channel:
        if channel not in wanted:
            give_up(channel, now=now)
            continue
        try:
            transport = transport_of(channel, row)
        except SealError as error:
            run.problems[channel.value] = str(error)
            continue
        if transport is None:
            run.problems[channel.value] = say("There is no SMTP host: nothing can be sent.")
            continue
        sent = send_due(transport, now=now, hurry=hurry)
        run.messages += sent.messages
        if sent.problem:
            run.problems[channel.value] = sent.problem
            logger.warning("the certificate monitor, %s: %s", channel.value, sent.problem)
    _prune_each_hour(now)
    MonitorState.objects.update_or_create(
        name=EVALUATION, defaults={"tried_at": now, "done_at": now}
    )
    return run


def channels_of(row: MonitorSettings) -> list[Channel]:
    """The channels that are switched on; the log is always one."""
    on = {Channel.EMAIL: row.email_enabled, Channel.WEBHOOK: bool(row.webhook_url)}
    return [channel for channel in Channel if on.get(channel, True)]


def transport_of(channel: Channel, row: MonitorSettings) -> Transport | None:
    """None: there is no mail server.

    Raises:
        SealError: a secret can't be opened.
    """
    if channel is Channel.SYSLOG:
        return Syslog(settings.CCXSEC_SYSLOG if row.syslog_enabled else "")
    if channel is Channel.WEBHOOK:
        key = Secret.objects.obtain(WEBHOOK_KEY).unseal()
        return Webhook(row.webhook_url, key, settings.CCXSEC_WEBHOOK_CA_FILE)
    found = mail_server(row)
    return Email(found.server, row.addresses) if found else None


def _prune_each_hour(now: datetime) -> None:
    state, _ = MonitorState.objects.get_or_create(name="prune")
    if state.done_at is None or not timedelta(0) <= now - state.done_at < PRUNED_EVERY:
        prune(now=now)
        state.note_done(now)


def prune(*, now: datetime) -> None:
    """A portion of what nobody needs any more; each run takes another."""
    oldest = Notification.objects.order_by("pk").values_list("pk", flat=True)[:_PORTION]
    told = Notification.objects.filter(created_at__lt=now - KEPT).exclude(message=None)
    keys = list(told.filter(pk__in=list(oldest)).values_list("pk", flat=True))
    if keys:
        Notification.objects.filter(pk__in=keys).delete()
    unsent = Notification.objects.filter(message=None)
    newer = unsent.filter(
        source=OuterRef("source"),
        source_key=OuterRef("source_key"),
        channel=OuterRef("channel"),
        period_start__gt=OuterRef("period_start"),
    )
    piled = unsent.filter(period_start__lt=now - PILED_UP).filter(Exists(newer))
    if piled.exists():
        piled.delete()
    empty = Message.objects.filter(notifications=None).exclude(state=MessageState.OPEN)
    failed = empty.filter(state=MessageState.NOT_SENT, at__lt=now - KEPT_FAILURES)
    for old in (failed, empty.filter(at__lt=now - KEPT)):
        Message.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:500])).delete()


@transaction.atomic
def request_run(*, actor: Actor) -> Job:
    """Queue a run at once.

    Raises:
        PermissionDenied: `actor` may not configure.
    """
    actor.require(Permission.CONFIGURE)
    return enqueue("monitor", "all certificates", once="monitor", started_by=str(actor))


@job("monitor")
def _run_job(row: Job) -> str:
    return str(run_monitor(now=timezone.now(), hurry=True))
