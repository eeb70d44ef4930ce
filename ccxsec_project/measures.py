"""What is measured for Prometheus, each a few queries whose answers stay small (docs/scaling.md).

Times are seconds since 1970, as Prometheus likes them; ages are reckoned where it is asked.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from django.db.models import Count
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from certificates import anchor
from certificates.models import (
    BackupSettings,
    Certificate,
    Delivery,
    Event,
    Heartbeat,
    Job,
    JobState,
    Notification,
    RestartNotice,
)
from certificates.models.notification import Channel, DeliveryState
from certificates.tasks import WORKER
from ipsec.models import Policy
from ipsec.operations import listen, standings
from ipsec.standing.words import Word

WITHIN_DAYS = (0, 7, 14, 30, 60, 90)  # 0: expired
MOST_OWN = 1_000  # own certificates with a time of their own
MOST_POLICIES = 2_000  # that are compared with what the daemon holds
Gauge = GaugeMetricFamily


def measured() -> Iterator[Metric]:
    """Everything, as of now."""
    now = timezone.now()
    for part in _PARTS:
        yield from part(now)


def gauge(name: str, text: str, labels: Iterable[str] = ()) -> GaugeMetricFamily:
    """A measure of ours; `text` is what Prometheus tells of it."""
    return GaugeMetricFamily(f"ccxsec_{name}", text, labels=list(labels))


def _certificates(_: datetime) -> Iterator[Metric]:
    found = gauge(
        "certificates", "Certificates by purpose and state.", ("kind", "purpose", "state")
    )
    rows = Certificate.objects.order_by().values_list("is_own", "purpose", "state")
    for is_own, purpose, state, count in rows.annotate(count=Count("pk")):
        found.add_metric(["own" if is_own else "trust", purpose, state], count)
    yield found


def _expiring(now: datetime) -> Iterator[Metric]:
    found = gauge(
        "certificates_expiring",
        "Active certificates that expire within so many days; 0: that have expired.",
        ("within_days",),
    )
    for days in WITHIN_DAYS:
        rows = Certificate.objects.expiring(now=now, within=timedelta(days=days))
        found.add_metric([str(days)], rows.count())
    yield found
    ends = gauge(
        "own_certificate_expiry_timestamp_seconds",
        "When the certificate in force expires.",
        ("node", "purpose"),
    )
    own = Certificate.objects.active().own().exclude(not_after=None)
    columns = own.values_list("node__host_name", "purpose", "not_after")
    for node, purpose, not_after in columns.order_by("not_after")[:MOST_OWN]:
        if not_after is None:
            continue
        ends.add_metric([node, purpose], not_after.timestamp())
    yield ends


def _jobs(_: datetime) -> Iterator[Metric]:
    found = gauge("jobs", "Background jobs by kind and state.", ("kind", "state"))
    rows = Job.objects.order_by().values_list("kind", "state")
    for kind, state, count in rows.annotate(count=Count("pk")):
        found.add_metric([kind, state], count)
    yield found
    oldest = gauge("oldest_waiting_job_timestamp_seconds", "Since when the oldest one waits.")
    waiting = Job.objects.filter(state=JobState.QUEUED).order_by("created_at").first()
    if waiting:
        oldest.add_metric([], waiting.created_at.timestamp())
    yield oldest


def _worker(now: datetime) -> Iterator[Metric]:
    seen = gauge("worker_seen_timestamp_seconds", "Last sign of life of any worker cluster.")
    clusters = gauge("worker_clusters", "Worker clusters seen in the last five minutes.")
    beat = Heartbeat.objects.filter(name=WORKER).first()
    if beat:
        seen.add_metric([], beat.seen_at.timestamp())
    since = now - timedelta(minutes=5)
    own = Heartbeat.objects.filter(name__startswith=f"{WORKER} ", seen_at__gte=since)
    clusters.add_metric([], own.count())
    yield from (seen, clusters)


def _notices(_: datetime) -> Iterator[Metric]:
    sent = gauge("deliveries", "Messages by channel and outcome.", ("channel", "outcome"))
    rows = Delivery.objects.order_by().values_list("message__channel", "state")
    counts = {(channel, state): n for channel, state, n in rows.annotate(count=Count("pk"))}
    for channel in Channel:
        for state in DeliveryState:
            sent.add_metric([channel, state], counts.get((channel.value, state.value), 0))
    yield sent
    due = gauge("notices_unsent", "Notices that wait for a message.", ("channel",))
    for channel in Channel:
        due.add_metric([channel], Notification.objects.unsent(channel).count())
    yield due
    restarts = gauge("restarts_due", "Services that serve another certificate than is in force.")
    restarts.add_metric([], RestartNotice.objects.open().count())
    yield restarts


def _policies(_: datetime) -> Iterator[Metric]:
    """Asked of the daemon beside this process; where it is silent, nobody knows how they stand."""
    found = gauge("ipsec_policies", "IPsec policies by how they stand.", ("state",))
    answers = gauge("ipsec_daemon_answers", "1: the IKE daemon answers.")
    policies = list(Policy.objects.order_by("pk")[:MOST_POLICIES])
    if policies:
        heard = listen()
        answers.add_metric([], 0 if heard.silence else 1)
        words = [standing.word for standing in standings(policies, heard).values()]
        for word in Word if not heard.silence else ():
            found.add_metric([word], words.count(word))
    yield from (found, answers)


def _backups(_: datetime) -> Iterator[Metric]:
    row = BackupSettings.objects.current()
    ended = gauge("backup_ended_timestamp_seconds", "When the last backup ended, well or not.")
    well = gauge("backup_succeeded", "1: the last backup ended well.")
    if row.ended_at:
        ended.add_metric([], row.ended_at.timestamp())
        well.add_metric([], 1 if row.succeeded else 0)
    yield from (ended, well)


def _audit(_: datetime) -> Iterator[Metric]:
    newest = Event.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    events = gauge("audit_sequence", "Number of the newest audit event.")
    events.add_metric([], newest)
    behind = gauge("audit_anchor_behind", "Events that the anchor file does not know yet.")
    try:
        held = anchor.read()
    except (OSError, ValueError):
        held = None
    behind.add_metric([], newest - (held.sequence if held else 0))
    yield from (events, behind)


_PARTS: tuple[Callable[[datetime], Iterator[Metric]], ...] = (
    _certificates,
    _expiring,
    _jobs,
    _worker,
    _notices,
    _policies,
    _backups,
    _audit,
)
