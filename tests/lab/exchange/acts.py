"""What an operator does in the exchange, and what is there then: run in a cluster's worker."""

import json
import os
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import serializers
from django.db import connections
from django.utils import timezone

from bulk.models import Cluster, ExchangeServer, Origin, Plan, PlanItem
from bulk.operations import (
    confirm_cluster,
    forget_cluster,
    keep_host_key,
    request_consolidate,
    request_export,
    request_import,
    request_look,
    request_survey,
    save_server,
    standing,
)
from bulk.operations.content import own_keys
from certificates import jobs
from certificates.models import Certificate, Deployment, Event, Job, Node, RestartNotice, Secret
from certificates.refusal import Refused
from tests.lab.exchange.installing import ACTOR, deploy_all

REQUESTS: dict[str, Callable[..., Job]] = {
    "survey": request_survey,
    "export": request_export,
    "consolidate": request_consolidate,
    "look": request_look,
}
Ended = dict[str, Any]


def save(port: int, user: str, secret: dict[str, str], directory: str, host_key: str) -> str:
    """Save the window, after a look at the host key's fingerprint; the code of a refusal."""
    values: dict[str, Any] = {"host": "127.0.0.1", "port": port, "user": user, **secret}
    try:
        save_server(**values, directory=directory, host_key=host_key, actor=ACTOR)
    except Refused as refused:
        return refused.code
    finally:
        Job.objects.filter(kind="bulk-survey", state="queued").delete()
    return ""


def ask(kind: str, *words: str) -> int:
    """Queue a run; its number."""
    return REQUESTS[kind](*words, actor=ACTOR).pk


def run(kind: str, *words: str) -> Ended:
    """Ask for a run, and do its work here and now."""
    try:
        return work_off(ask(kind, *words))
    except Refused as refused:
        return {"state": "refused", "code": refused.code, "said": [str(refused)]}


def work_off(job_id: int) -> Ended:
    """Do the work of a queued run; a bug is told, and does not end the laboratory."""
    try:
        done = jobs.run(job_id)
    except Exception:  # noqa: BLE001 - the test wants to see it
        return {"state": "bug", "said": [traceback.format_exc()]}
    return ended(job_id) if done else {"state": "not ours", "said": [""]}


def ended(job_id: int) -> Ended:
    row = Job.objects.get(pk=job_id)
    return {"state": row.state, "said": row.messages, "attempt": row.attempt}


def cancel(job_id: int) -> None:
    Job.objects.filter(pk=job_id).update(cancel_requested=True)


def ask_import(remove: bool = False) -> int:
    """Queue the import of the newest plan, as it is shown."""
    plan = Plan.objects.latest("pk")
    return request_import(plan, shown=plan.digest, remove=remove, actor=ACTOR).pk


def import_(remove: bool = False) -> Ended:
    """Import the newest plan, and put what it changed in force."""
    try:
        done = work_off(ask_import(remove))
    except Refused as refused:
        return {"state": "refused", "code": refused.code, "said": [str(refused)]}
    deploy_all()
    return done


def identity() -> dict[str, Any]:
    """What this cluster shows of itself, for others to compare."""
    server = ExchangeServer.objects.current()
    return {"id": str(server.cluster_id), "keys": own_keys()}


def confirm(cluster_id: str, fingerprint: str) -> str:
    """The code of a refusal."""
    try:
        confirm_cluster(cluster_id, fingerprint=fingerprint, actor=ACTOR)
    except Refused as refused:
        return refused.code
    return ""


def adopt_id(cluster_id: str) -> None:
    """As in a copy of another cluster's database."""
    ExchangeServer.objects.update(cluster_id=cluster_id)


def plan() -> dict[str, Any]:
    """The newest plan: its items by verdict, and what is left out."""
    row = Plan.objects.latest("pk")
    fields = ("verdict", "purpose", "name", "cluster_name", "nodes", "reason")
    items = [{name: getattr(item, name) for name in fields} for item in row.items.all()]
    return {"items": items, "refused": row.refused, "imported": row.imported_at is not None}


def trusted(purpose: str) -> list[dict[str, Any]]:
    """What every node's store should hold, and whose export brought it."""
    rows = Certificate.objects.trust().filter(purpose=purpose).select_related("node")
    return [
        {
            "node": row.node.host_name,
            "fingerprint": row.fingerprint,
            "name": row.common_name,
            "from": sorted(origin.cluster.name for origin in row.origins.all()),
        }
        for row in rows.order_by("node__host_name", "pk")
    ]


def stores(service: str) -> dict[str, str]:
    """The folder of each node's version in force."""
    places = Deployment.objects.filter(service=service).select_related("node")
    return {row.node.host_name: row.folder for row in places}


def page() -> dict[str, Any]:
    """What the page would tell."""
    now = timezone.now()
    told = standing(now=now)
    return {
        "steps": {step.name: [step.state, *step.sentences] for step in told.steps},
        "missing": list(told.missing),
        "may_import": told.may_import,
        "unconfirmed": [one.cluster_id for one in told.unconfirmed],
        "rows": [[row.seen.file, row.trust, *row.notes] for row in told.exports],
        "trouble": told.server.trouble,
        "alarm": told.server.host_key_alarm,
    }


# What a run that failed leaves as it was. Seen, its time and the trouble are what a look is for.
_KEPT = [Node, Certificate, Deployment, RestartNotice, Secret, Cluster, Origin, Plan, PlanItem]
# What a look finds; and the numbers of what was published before a run was cut.
_LOOK = {"seen", "seen_at", "trouble", "numbers"}


def content() -> str:
    """Everything of the database that only a run that succeeds may change."""
    rows: list[Any] = [json.loads(serializers.serialize("json", m.objects.all())) for m in _KEPT]
    server = ExchangeServer.objects.filter(pk=1).values().first() or {}
    rows.append({name: str(value) for name, value in server.items() if name not in _LOOK})
    return json.dumps(rows, sort_keys=True)


def actions() -> list[str]:
    """What the audit log tells, oldest first."""
    return list(Event.objects.order_by("sequence").values_list("action", flat=True))


def process_id() -> int:
    return os.getpid()


def forget_everybody() -> None:
    for cluster in Cluster.objects.all():
        forget_cluster(cluster, actor=ACTOR)


def keep_the_host_key() -> None:
    keep_host_key(actor=ACTOR)


def work_off_until_cancelled(job_id: int) -> Ended:
    """Somebody cancels it once a file "cancel" is in the data folder."""
    marker = Path(settings.CCXSEC_DATA) / "cancel"

    def watch() -> None:
        while not marker.exists():
            time.sleep(0.01)
        cancel(job_id)
        connections.close_all()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    told = work_off(job_id)
    marker.touch()
    watcher.join()
    return told


def run_to_its_end(kind: str, *words: str) -> None:
    """Raises `Refused` with what a run that did not succeed has said."""
    told = run(kind, *words)
    if told["state"] != "done":
        raise Refused(f"run.{told['state']}", told["said"][-1], "")
