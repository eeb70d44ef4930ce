"""Each kind of violation, made on purpose: what `./ccxsec doctor` must find (its control)."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, models
from django.utils import timezone

from bulk.models import SERVER_SECRET, ExchangeServer, Plan, PlanItem
from certificates.models import (
    Certificate,
    Deployment,
    Event,
    Heartbeat,
    Job,
    JobState,
    Message,
    MonitorSettings,
    Notification,
    PrivateKey,
    RestartNotice,
    Secret,
    SigningRequest,
)
from certificates.models.certificate import State
from certificates.models.notification import MessageState
from certificates.secrets import place, seal
from ipsec.models import Policy, key_secret

Plant = Callable[[], object]


def own() -> Certificate:
    return Certificate.objects.own().active().get(purpose="tomcat")


def store() -> Path:
    return Path(settings.CCXSEC_STORE) / "tomcat"


def without(model: type[models.Model], rule: str) -> None:
    """Take a rule out of the database, as a table that was made by hand lacks it."""
    assert rule in {one.name for one in model._meta.constraints}
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {connection.ops.quote_name(rule)}")


def turned(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def spoil_key() -> None:
    row = own().private_key
    assert row
    PrivateKey.objects.filter(pk=row.pk).update(sealed=turned(bytes(row.sealed)))


def exchange_keys() -> None:
    """Both seals open, and each is of the other certificate."""
    ipsec = Certificate.objects.own().active().get(purpose="ipsec")
    Certificate.objects.filter(pk=own().pk).update(private_key=ipsec.private_key)


def seal_no_key() -> None:
    row = own().private_key
    assert row
    PrivateKey.objects.filter(pk=row.pk).update(sealed=seal(b"no key", place(row, "sealed")))


def add_orphan() -> None:
    row = PrivateKey(algorithm="EC", bits=256, public_key_fingerprint="0" * 64)
    row.sealed = seal(b"x", place(row, "sealed"))
    row.save(force_insert=True)


def supersede() -> None:
    row = own()
    Certificate.objects.filter(pk=row.pk).update(state=State.SUPERSEDED)


def add_second() -> None:
    without(Certificate, "one_active_certificate_per_purpose")
    row = own()
    row.pk, row._state.adding = None, True
    row.save()


def change_bytes() -> None:
    row = own()
    Certificate.objects.filter(pk=row.pk).update(fingerprint="0" * 64)


def consume() -> None:
    SigningRequest.objects.update(state="consumed")


def spoil_request() -> None:
    SigningRequest.objects.update(pem="nonsense")


def spoil_secret() -> None:
    row = Secret.objects.get(name="store-manifest")
    Secret.objects.filter(pk="store-manifest").update(sealed=turned(bytes(row.sealed)))


def forget_password() -> None:
    changed = {"smtp_host": "mail.example.com", "smtp_user": "ccxsec"}
    MonitorSettings.objects.update_or_create(pk=1, defaults=changed)


def spoil_file() -> None:
    (store() / "current" / "trust.pem").write_text("changed")


def open_file() -> None:
    (store() / "current" / "key.pem").chmod(0o644)


def lose_file() -> None:
    (store() / "current" / "chain.pem").unlink()


def half_switch() -> None:
    """A certificate of one version beside the key of another, as four renames would leave it."""
    other = Path(settings.CCXSEC_STORE) / "ipsec" / "current" / "key.pem"
    (store() / "current" / "key.pem").write_bytes(other.read_bytes())


def point_elsewhere() -> None:
    link = store() / "current"
    link.unlink()
    link.symlink_to("versions/7")


def fall_behind() -> None:
    Deployment.objects.filter(service="tomcat").update(generation=9)


def forget_in_force() -> None:
    Deployment.objects.filter(service="tomcat").update(in_force=0)


def job(state: JobState, **fields: object) -> Job:
    row = Job.objects.create(kind="deploy", target="x", state=state, started_by="test", **fields)
    day_ago = timezone.now() - timedelta(days=1)
    Job.objects.filter(pk=row.pk).update(created_at=day_ago)
    return row


def abandon_job() -> None:
    job(JobState.RUNNING, leased_until=timezone.now() - timedelta(hours=2))


def silence_worker() -> None:
    job(JobState.RUNNING, leased_until=timezone.now() + timedelta(minutes=5))
    Heartbeat.objects.create(name="worker", seen_at=timezone.now() - timedelta(days=1))


def notice(**fields: object) -> Notification:
    row = own()
    values = {
        "source": "certificate",
        "source_key": row.pk,
        "channel": "syslog",
        "period_start": timezone.now() - timedelta(hours=3),
        "node": str(row.node),
        "file_name": row.file_name,
        "unit": row.purpose,
        "type": row.type,
        "fingerprint": row.fingerprint,
        "not_after": row.not_after,
        "severity": "notice",
        "created_at": timezone.now() - timedelta(days=1),
    }
    return Notification.objects.create(**(values | fields))


def message(**fields: object) -> Message:
    day_ago = timezone.now() - timedelta(days=1)
    return Message.objects.create(channel="email", identifier="<one@test>", at=day_ago, **fields)


def let_expire() -> None:
    """Due, and the monitor has not looked since."""
    Certificate.objects.filter(pk=own().pk).update(not_after=timezone.now())


def forget_restart() -> None:
    """Replaced just now, though the notice is from long ago."""
    row = own()
    row.pk, row._state.adding = None, True
    row.state, row.superseded_at = State.SUPERSEDED, timezone.now() + timedelta(hours=1)
    row.save()


def expect_other() -> None:
    RestartNotice.objects.open().delete()
    RestartNotice.objects.create(
        node=own().node,
        service="tomcat",
        reason="x",
        expected="0" * 64,
        opened_at=timezone.now(),
    )


def cut_audit() -> None:
    Event.objects.order_by("-sequence")[0].delete()


def change_audit() -> None:
    Event.objects.filter(sequence=1).update(actor="somebody else")


def lose_anchor() -> None:
    Path(settings.CCXSEC_AUDIT_ANCHOR).unlink()


def insert_untold() -> None:
    """An own certificate that came in beside the operations."""
    row = own()
    row.pk, row._state.adding = None, True
    row.state, row.superseded_at = State.SUPERSEDED, row.created_at
    row.save()


def lose_policy_key() -> None:
    Secret.objects.filter(name=key_secret(Policy.objects.get().pk)).delete()


def spoil_policy_key() -> None:
    name = key_secret(Policy.objects.get().pk)
    Secret.objects.filter(name=name).update(sealed=b"\x01" * 120)


def leave_policy_key() -> None:
    Secret.objects.keep(key_secret(Policy.objects.get().pk + 1), b"left over")


def forget_trial() -> None:
    day_ago = timezone.now() - timedelta(days=1)
    Policy.objects.note(trial_until=day_ago, is_enabled=True)


def name_no_certificate() -> None:
    Policy.objects.note(
        authentication="certificate",
        peer_type="different",
        certificate_name="gone.pem",
        is_enabled=True,
    )


def forget_sftp_password() -> None:
    ExchangeServer.objects.create(host="sftp.example.com", user="x", host_key="ssh-ed25519 AAAA")
    Secret.objects.keep(SERVER_SECRET, json.dumps({"password": ""}).encode())


def plan(**fields: object) -> Plan:
    return Plan.objects.create(
        source="x", digest="0", made_at=timezone.now(), made_by="test", **fields
    )


def change_plan() -> None:
    item = {"plan": plan(), "purpose": "tomcat-trust", "verdict": "new", "name": "CA"}
    PlanItem.objects.create(**item, fingerprint="0" * 64, der=b"other bytes")


# Code of the finding -> what makes it.
PLANTS: dict[str, Plant] = {
    "key.sealed": spoil_key,
    "key.other": exchange_keys,
    "key.unreadable": seal_no_key,
    "key.orphan": add_orphan,
    "certificate.active": supersede,
    "database.rule": add_second,
    "certificate.changed": change_bytes,
    "request.state": consume,
    "request.unreadable": spoil_request,
    "secret.sealed": spoil_secret,
    "secret.missing": forget_password,
    "store.foreign": spoil_file,
    "store.foreign mode": open_file,
    "store.behind file": lose_file,
    "store.behind torn": half_switch,
    "store.behind link": point_elsewhere,
    "store.behind": fall_behind,
    "store.unnoted": forget_in_force,
    "job.abandoned": abandon_job,
    "job.waiting": lambda: job(JobState.QUEUED),
    "worker.silent": silence_worker,
    "notice.unsent": notice,
    "notice.missing": let_expire,
    "message.open": message,
    "message.empty": lambda: message(state=MessageState.SENT),
    "restart.missing": forget_restart,
    "restart.other": expect_other,
    "audit.broken cut": cut_audit,
    "audit.broken changed": change_audit,
    "audit.broken anchor": lose_anchor,
    "audit.untold": insert_untold,
    "policy.key-missing": lose_policy_key,
    "policy.key-sealed": spoil_policy_key,
    "policy.key-left": leave_policy_key,
    "policy.trial-over": forget_trial,
    "policy.certificate": name_no_certificate,
    "exchange.secret": forget_sftp_password,
    "exchange.plan": change_plan,
    "exchange.untold": lambda: plan(imported_at=timezone.now()),
}
