"""The dashboard: what needs attention, each with the way to its cure."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from ccxsec_project.attention import Attention
from ccxsec_project.exchange import attention_of_exchange
from ccxsec_project.policies import attention_of_policies
from certificates import anchor
from certificates.access import Actor, Permission
from certificates.cells import at, expiry
from certificates.models import (
    BackupReminder,
    BackupSettings,
    Certificate,
    Deployment,
    Endpoint,
    Event,
    Heartbeat,
    Job,
    JobState,
    RestartNotice,
    SigningRequest,
)
from certificates.models.search import sorted_by, unindexed
from certificates.operations.monitoring.state import troubles
from certificates.operations.paths import path_in_store
from certificates.operations.verdict import verdicts
from certificates.sentence import say
from certificates.tasks import WORKER

PATHS = 10  # of own certificates that are looked at
COUNTED = 1_000  # more than this is shown as "more than 1,000"


def attention(actor: Actor) -> list[Attention]:
    """The most urgent first."""
    found = [
        *_restarts(),
        *_not_in_force(),
        *_served(),
        *_expiring(),
        *_backup(actor),
        *_legacy(),
        *_broken(),
        *_requests(),
        *_monitor(),
    ]
    if actor.may(Permission.VIEW_POLICIES):
        found += attention_of_policies(actor)
    if actor.may(Permission.VIEW_BULK):
        found += attention_of_exchange()
    if actor.may(Permission.VIEW_JOBS):
        found += [*_worker(), *_failed_jobs()]
    if actor.may(Permission.VIEW_EVENTS):
        found += _anchor()
    order = ("critical", "soon", "plain")
    return sorted(found, key=lambda item: order.index(item.urgency))


def figures() -> list[tuple[str, str, str]]:
    """Number, label and address of the cards."""
    rows = Certificate.objects.active()
    now = timezone.now()
    soon, month = now + timedelta(days=7), now + timedelta(days=30)
    listing = reverse("admin:certificates_certificate_changelist")
    return [
        (_bounded(rows), say("Certificates"), listing),
        (_bounded(rows.filter(not_after__lt=now)), say("Expired"), f"{listing}?expiry=expired"),
        (
            _bounded(rows.filter(not_after__gte=now, not_after__lt=soon)),
            say("Within 7 days"),
            f"{listing}?expiry=7",
        ),
        (
            _bounded(rows.filter(not_after__gte=now, not_after__lt=month)),
            say("Within 30 days"),
            f"{listing}?expiry=30",
        ),
    ]


def next_to_expire() -> list[dict[str, Any]]:
    """The eight certificates that expire next, the expired ones left out."""
    now = timezone.now()
    rows = Certificate.objects.active().filter(not_after__gte=now).select_related("node")
    rows = rows.only("file_name", "common_name", "not_after", "node__host_name")
    return [
        {
            "row": row,
            "address": reverse("admin:certificates_certificate_change", args=[row.pk]),
            "expiry": expiry(row.not_after, now),
        }
        for row in rows.order_by("not_after", "pk")[:8]
    ]


def _bounded(rows: Any) -> str:
    count = len(rows.order_by().values_list("pk")[: COUNTED + 1])
    return f"{count:,}" if count <= COUNTED else f"> {COUNTED:,}"


def _restarts() -> list[Attention]:
    due = RestartNotice.objects.open().in_restart_order().select_related("node")
    page = reverse("admin:certificates_restartnotice_changelist")
    return [
        Attention(
            "critical",
            say("Restart"),
            say(
                "{reason} {service} on {node} must be restarted.",
                reason=notice.reason,
                service=notice.service,
                node=notice.node,
            ),
            say("Restart now") if notice.can_be_run else say("Restart it there, then acknowledge"),
            page,
        )
        for notice in due[:10]
    ]


def _not_in_force() -> list[Attention]:
    """Stores that differ from what is intended, and why (at most ten)."""
    found = []
    for row in Deployment.objects.troubled().select_related("node").order_by("pk")[:10]:
        page = f"{reverse('admin:certificates_node_page', args=[row.node_id])}#{row.service}"
        if row.differs:
            said = say(
                "The store of {row} was changed there by hand: {differs}",
                row=row,
                differs=" ".join(row.differs[:2]),
            )
            found.append(
                Attention("critical", say("By hand"), said, say("Look, then overwrite it"), page)
            )
        elif row.trouble:
            said = say(
                "The store of {row} can't be written. {trouble}", row=row, trouble=row.trouble
            )
            found.append(
                Attention("critical", say("Not in force"), said, say("Look at the node"), page)
            )
        else:
            said = say("The store of {row} does not hold the newest certificate yet.", row=row)
            found.append(
                Attention("critical", say("Not in force"), said, say("Look at the node"), page)
            )
    return found


def _served() -> list[Attention]:
    """Addresses that serve another certificate than they should, or none (at most ten)."""
    page = reverse("admin:certificates_endpoint_changelist")
    endpoints = list(Endpoint.objects.in_order())
    return [
        Attention(
            verdict.urgency,
            verdict.word,
            say(
                "{endpoint} of {node}: {sentence}",
                endpoint=endpoint,
                node=endpoint.node,
                sentence=verdict.sentence,
            ),
            verdict.cure or say("See what is served"),
            page,
        )
        for endpoint, verdict in zip(endpoints, verdicts(endpoints), strict=True)
        if verdict.is_wrong
    ][:10]


def _own(wanted: Q) -> Any:
    """Own certificates in force: a handful for a node, so no other index finds fewer."""
    return unindexed(Certificate.objects.active().own(), wanted).select_related("node")


def _expiring() -> list[Attention]:
    now = timezone.now()
    own = _own(Q(not_after__lte=now + timedelta(days=30))).defer("der")
    found = []
    for row in own.order_by(sorted_by("not_after"))[:10]:
        when = expiry(row.not_after, now)
        found.append(
            Attention(
                "critical" if when.urgency == "critical" else "soon",
                when.word,
                say(
                    "The {row} expires: {date}, {distance}.",
                    row=row,
                    date=when.date,
                    distance=when.distance,
                ),
                say("Replace it"),
                reverse("admin:certificates_certificate_change", args=[row.pk]),
            )
        )
    return found


def _backup(actor: Actor) -> list[Attention]:
    """What is newer than the last backup, and a last backup that failed."""
    may, found = actor.may(Permission.BACKUP), []
    page, cure = reverse("admin:certificates_restartnotice_changelist"), say("Have a backup made")
    if may:
        page, cure = reverse("admin:certificates_backupsettings_changelist"), say("Make a backup")
    reminder = BackupReminder.objects.open().first()
    if reminder:
        newer = Attention("soon", say("Backup"), reminder.reason, cure, page, is_record=True)
        found.append(newer)
    last = BackupSettings.objects.current()
    if may and not last.succeeded:
        wrong = say(
            "The last backup failed, {at}: {result}", at=at(last.ended_at), result=last.result
        )
        found.append(Attention("critical", say("Backup"), wrong, say("Look at its settings"), page))
    return found


def _legacy() -> list[Attention]:
    rows = _own(Q(key_type="RSA", key_bits__lt=2048)).defer("der")
    return [
        Attention(
            "soon",
            say("Legacy"),
            say(
                "The {row} is weak: {key_label}, {signature_algorithm}.",
                row=row,
                key_label=row.key_label,
                signature_algorithm=row.signature_algorithm,
            ),
            say("Generate a stronger one"),
            reverse("admin:certificates_certificate_change", args=[row.pk]),
        )
        for row in rows[:10]
    ]


def _broken() -> list[Attention]:
    """Own certificates whose path to the trust store is missing something (CM-20)."""
    found = []
    for row in _own(Q(type="ca-signed")).order_by("pk")[:PATHS]:
        verdict = path_in_store(row.node, row.serves, bytes(row.der), now=timezone.now())
        if not verdict.trusted and verdict.findings:
            page = reverse("admin:certificates_certificate_change", args=[row.pk])
            wrong = say(
                "The path of the {row} is broken. {sentence}",
                row=row,
                sentence=verdict.findings[0].sentence,
            )
            found.append(Attention("critical", say("Path"), wrong, verdict.findings[0].cure, page))
    return found


def _requests() -> list[Attention]:
    """A CA's answer is awaited: the guide says what comes next (CM-19)."""
    pending = SigningRequest.objects.pending().select_related("node").order_by("pk")
    guide = reverse("admin:certificates_guide")
    return [
        Attention(
            "plain",
            say("Pending"),
            say("The {row} awaits its certificate since {at}.", row=row, at=at(row.created_at)),
            say("See the next step"),
            f"{guide}?purpose={row.purpose}&node={row.node_id}",
        )
        for row in pending[:10]
    ]


def _monitor() -> list[Attention]:
    """What keeps expiry notices from arriving (MO-3)."""
    page = reverse("admin:monitor")
    return [
        Attention(
            "critical" if trouble.is_critical else "soon",
            say("Monitor"),
            trouble.sentence,
            trouble.cure,
            page,
        )
        for trouble in troubles(now=timezone.now())
    ]


def _worker() -> list[Attention]:
    beat = Heartbeat.objects.filter(name=WORKER).first()
    limit = timedelta(seconds=settings.CCXSEC_HEARTBEAT_LIMIT)
    if beat and timezone.now() - beat.seen_at < limit:
        return []
    wrong = say("The background worker has not been seen yet: jobs wait.")
    if beat:
        since = f"{timezone.localtime(beat.seen_at):%Y-%m-%d %H:%M}"
        wrong = say(
            "The background worker has not been seen since {since}: jobs wait.", since=since
        )
    return [
        Attention(
            "critical",
            say("Worker"),
            wrong,
            say("Run ./ccxsec up on the server"),
            reverse("admin:certificates_job_changelist"),
        )
    ]


def _anchor() -> list[Attention]:
    newest = Event.objects.first()
    try:
        held = anchor.read()
    except (OSError, ValueError):
        held = None
    if newest is None or (held and held.sequence >= newest.sequence):
        return []
    return [
        Attention(
            "critical",
            say("Audit"),
            say(
                "The audit log's anchor file {file} is behind the log.",
                file=settings.CCXSEC_AUDIT_ANCHOR,
            ),
            say("Free space or mend its rights, then verify"),
            reverse("admin:certificates_event_changelist"),
        )
    ]


def _failed_jobs() -> list[Attention]:
    recent = Job.objects.filter(
        state=JobState.FAILED, ended_at__gt=timezone.now() - timedelta(days=1)
    )
    return [
        Attention(
            "soon",
            say("Failed"),
            say("{job}: {message}", job=job, message=_last_message(job)),
            say("Look at the job"),
            reverse("admin:certificates_job_page", args=[job.pk]),
        )
        for job in recent[:5]
    ]


def _last_message(job: Job) -> str:
    return job.messages[-1] if job.messages else say("no message")
