"""What the screens of the exchange show, put into the database as a look at a server leaves it."""

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.utils import timezone

from bulk.models import Cluster, ExchangeServer, Plan, PlanItem, Verdict
from bulk.operations.content import own_keys, planned_export
from bulk.seen import Seen, SeenConsolidated, SeenExport, SeenFile
from certificates.models import Job, JobState, Purpose, Service

MADE = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
PINNED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC0XvkJmlB7Wm2oKcW0mEr8lYJ3jJr6fVZbT4wV7tTzQ"
EAST = "0e0ecf0c-2d1e-4b4a-9c1f-0a1b2c3d4e5f"
WEST = "7a1f5d0e-9b44-4a55-8a0e-5f4e3d2c1b0a"


def fingerprint(text: str) -> str:
    """One that nobody's key has, always the same for a text."""
    return "SHA256:" + b64encode(sha256(text.encode()).digest()).decode().rstrip("=")


OTHER_HOST_KEY = fingerprint("another host")
EAST_KEYS = {service.value: fingerprint(f"east {service}") for service in Service}
WEST_KEYS = {service.value: fingerprint(f"west {service}") for service in Service}


def server(**changes: Any) -> ExchangeServer:
    """An SFTP server that is set, pinned, and was not looked at yet."""
    row = ExchangeServer.objects.current()
    values = {
        "host": "sftp.example.com",
        "user": "exchange",
        "directory": "/exchange",
        "host_key": PINNED,
        "cluster_name": "Contact Centre North",
        "saved_at": MADE,
    }
    for name, value in (values | changes).items():
        setattr(row, name, value)
    row.save()
    return row


def exported(cluster_id: str, name: str, service: str, number: int, **more: Any) -> SeenExport:
    """The export of another cluster, as it was read."""
    values: dict[str, Any] = {
        "size": 4_000 + number,
        "modified_at": MADE.isoformat(),
        "nodes": [f"ccx{n}.{name.rsplit(maxsplit=1)[-1].lower()}.example.com" for n in (1, 2)],
        "made_at": MADE.isoformat(),
        "count": 4,
        "keys": EAST_KEYS if cluster_id == EAST else WEST_KEYS,
    }
    file = f"ccxsec.{service}.{cluster_id}.{number:06}.tar.gz"
    return SeenExport(file, cluster_id=cluster_id, cluster_name=name, service=service,
                      number=number, **values | more)  # fmt: skip


def own_export(service: str, **more: Any) -> SeenExport:
    """This cluster's own, of what it has now."""
    row, name = ExchangeServer.objects.current(), "Contact Centre North"
    content = planned_export(Service(service), now=timezone.now()).content
    values = {"keys": own_keys(), "content": content, "count": 2} | more
    return exported(str(row.cluster_id), name, service, 3, **values)


def seen(*exports: SeenExport, consolidated: bool = True, **more: Any) -> ExchangeServer:
    """The server, where these exports lie."""
    row = server()
    file = SeenConsolidated(
        "ccxsec.consolidated.000007.tar",
        20_480,
        MADE.isoformat(),
        7,
        MADE.isoformat(),
        "Contact Centre East",
        [one.file for one in exports],
        sorted({one.cluster_id for one in exports}),
    )
    look = Seen(list(exports), file if consolidated else None, free=52 * 1024**3)
    row.seen, row.seen_at = replace(look, **more).to_json(), timezone.now()
    row.save()
    return row


def everything() -> ExchangeServer:
    """Three clusters, one of them confirmed, and a file of another system."""
    server()
    confirmed()
    return seen(
        own_export("tomcat"),
        own_export("ipsec", content="older"),
        exported(EAST, "Contact Centre East", "tomcat", 12),
        exported(EAST, "Contact Centre East", "ipsec", 11),
        exported(WEST, "Contact Centre West", "tomcat", 2),
        others=[SeenFile("legacy export.p12", 18_432)],
        strays=2,
    )


def confirmed(cluster_id: str = EAST, name: str = "Contact Centre East", **more: Any) -> Cluster:
    """Another cluster that somebody has confirmed."""
    values: dict[str, Any] = {
        "nodes": ["ccx1.east.example.com", "ccx2.east.example.com"],
        "keys": EAST_KEYS,
        "latest": {"tomcat": 12},
        "confirmed_at": MADE,
        "confirmed_by": "admin, 192.0.2.7",
    }
    return Cluster.objects.create(cluster_id=UUID(cluster_id), name=name, **values | more)


def plan(cluster: Cluster | None, *verdicts: Verdict, **more: Any) -> Plan:
    """What an import would change: one certificate a verdict."""
    row = Plan.objects.create(
        source="ccxsec.consolidated.000007.tar", digest="d" * 64, made_at=MADE, made_by="admin",
        **more,
    )  # fmt: skip
    for number, verdict in enumerate(verdicts):
        reasons = {Verdict.EXPIRED: "It has expired.", Verdict.REFUSED: "It is no CA."}
        PlanItem.objects.create(
            plan=row,
            cluster=cluster,
            cluster_name=cluster.name if cluster else "legacy export.p12",
            purpose=Purpose.IPSEC_TRUST if number % 3 == 2 else Purpose.TOMCAT_TRUST,
            verdict=verdict,
            name=f"ccx{number}.east.example.com",
            not_after=timezone.now() + timedelta(days=-3 if verdict == Verdict.EXPIRED else 700),
            fingerprint=f"{number:02}" * 32,
            nodes="ccx1.east.example.com",
            reason=reasons.get(verdict, ""),
            exported_at=MADE,
        )
    return row


def job(kind: str = "bulk-export", state: JobState = JobState.RUNNING, **more: Any) -> Job:
    """A run of the exchange."""
    values = {"target": "the server", "started_by": "admin, 192.0.2.7"} | more
    return Job.objects.create(kind=kind, state=state, **values)
