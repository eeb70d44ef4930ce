"""Puts hostile text into every column of text that a running product's database has.

`manage.py shell -c "import tests.browser.insert_hostile_rows"`: what forms and readers would refuse
is written behind their backs, as if one of them had let it pass. Prints the keys of the rows.
"""

import json
import sys
from dataclasses import replace
from datetime import datetime

from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import models, transaction
from django.utils import timezone

from bulk.models import Cluster, ExchangeServer, Plan, PlanItem
from bulk.seen import Seen, SeenConsolidated, SeenExport, SeenFile
from certificates.models import (
    Action,
    BackupReminder,
    Certificate,
    Event,
    Job,
    Node,
    RestartNotice,
)
from ipsec.models import Negotiation, Policy
from tests import test_urls

HARM = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}<b id=hostile>"
FILE = "hostile.p12"  # its dialog is found by its name
# What is parsed wherever it is read: with anything else in it, no page would come at all.
LEFT = {
    "auth.Permission": {"codename", "name"},
    "auth.User": {"password"},
    "certificates.Certificate": {"fingerprint", "serial_number", "key_type", "purpose"},
    "certificates.Deployment": {"service", "restart_command"},
    "certificates.Event": {"code", "action"},
    "certificates.Job": {"kind", "idempotency_key"},
    "certificates.MonitorSettings": {"webhook_url", "calendar_digest"},
    "certificates.MonitorState": {"name"},
    "certificates.Node": {"host_key"},
    "certificates.Observed": {"fingerprint", "serial_number", "key_type"},
    "certificates.Endpoint": {"fingerprint", "service"},
    "certificates.PrivateKey": {"public_key_fingerprint"},
    "certificates.RestartNotice": {"service"},
    "certificates.Secret": {"name"},
    "certificates.SigningRequest": {"pem", "public_key_fingerprint", "key_type"},
    "bulk.ExchangeServer": {"host_key"},
}
APPS = ("auth", "bulk", "certificates", "ipsec")


def insert(node: Node) -> dict[str, int]:
    """Something for every address, with harm in its columns; the keys as `test_urls` has them."""
    now = timezone.now()
    tomcat = Certificate.objects.active().get(node=node, purpose="tomcat")
    notice, _ = RestartNotice.objects.open().get_or_create(
        node=node, service="tomcat", defaults={"opened_at": now}
    )
    job = Job.objects.create(kind="deploy", started_by="a")
    plan = Plan.objects.create(source="a", made_at=now, made_by="a", job=job)
    cluster, policy = test_urls.cluster(), test_urls.policy()
    keys = {
        "certificate": tomcat.pk,
        "node": node.pk,
        "job": job.pk,
        "restartnotice": notice.pk,
        "signingrequest": test_urls.requested(node).pk,
        **test_urls.observed(node, tomcat),
        "delivery": test_urls.message().pk,
        "rule": test_urls.rule().pk,
        "policy": policy.pk,
        "plan": plan.pk,
        "cluster": cluster.pk,
        "user": User.objects.create(username="somebody").pk,
        "group": Group.objects.create(name="somebody").pk,
    }
    fill(now, node, plan, policy, cluster)
    for model in apps.get_models():
        if model._meta.app_label in APPS:
            poison(model)
    return keys


def fill(now: datetime, node: Node, plan: Plan, policy: Policy, cluster: Cluster) -> None:
    """What is shown and has no address of its own; and lists, whose parts are text as well."""
    BackupReminder.objects.remind("a", now)
    PlanItem.objects.create(plan=plan, purpose="tomcat-trust", verdict="new", name="a", reason="a")
    Plan.objects.filter(pk=plan.pk).update(refused=[HARM])
    Negotiation.objects.create(policy=policy, at=now, last_at=now, kind="failed", sentence="a")
    Node.objects.filter(pk=node.pk).update(addresses=[HARM])
    Cluster.objects.filter(pk=cluster.pk).update(nodes=[HARM], keys={"tomcat": HARM})
    Job.objects.update(messages=[HARM])
    with transaction.atomic():
        Event.objects.record(HARM, Action.NODE_CHANGE, HARM, **{HARM: HARM})
    export = SeenExport(HARM, 1, now.isoformat(), str(cluster.cluster_id), "tomcat", 1, HARM)
    export = replace(export, nodes=[HARM], keys={"tomcat": HARM}, problem=HARM)
    held = SeenConsolidated(
        HARM, 1, now.isoformat(), 1, now.isoformat(), HARM, [HARM], [HARM], HARM
    )
    seen = Seen([export], held, [SeenFile(FILE, 1)], 1, 1).to_json()
    ExchangeServer.objects.update_or_create(defaults={"seen": seen, "seen_at": now, "host": "a"})


def poison(model: type[models.Model]) -> None:
    """Set every column of text; one that must be unique keeps its end."""
    label, left = model._meta.label, LEFT.get(model._meta.label, set())
    for field in model._meta.concrete_fields:
        is_text = isinstance(field, models.CharField | models.TextField)
        if not is_text or field.choices or field.name in left or field.primary_key:
            continue
        for number, row in enumerate(model._default_manager.order_by("pk")):
            if (field.name, str(row)) == ("username", "admin"):
                continue  # who signs in and looks
            end = f"{label}.{field.name} {number}" if not field.unique else f" {row.pk}"
            text = f"{HARM} {end}"[: field.max_length or None]
            model._default_manager.filter(pk=row.pk).update(**{field.name: text})


if __name__ != "__main__" and "shell" in sys.argv:
    json.dump(insert(Node.objects.local()), sys.stdout)
