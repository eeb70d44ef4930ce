"""Look what an import would change, before anything does (BK-4)."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from bulk.exchange.consolidated import IncludedExport, open_consolidated
from bulk.exchange.export import Export
from bulk.exchange.limits import PKCS12
from bulk.exchange.names import ExportName, read_name
from bulk.exchange.pkcs12 import certificates_of_pkcs12
from bulk.models import Cluster, ExchangeServer, Plan, PlanItem, Verdict
from bulk.operations.judge import Brought, judge
from bulk.operations.run import Run, ask, run
from bulk.operations.server import visit
from bulk.operations.survey import (
    again,
    fetch_consolidated,
    list_directory,
    refuse_misnamed,
    survey,
)
from bulk.transfer import Folder
from certificates.access import Actor, Permission
from certificates.models import Job, Purpose
from certificates.models.insertion import insert_many
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

PLANS_KEPT = timedelta(days=7)
_PATIENCE, _LIMIT = 10.0, 45.0  # seconds; somebody waits for the page


def request_look(*, actor: Actor) -> Job:
    """Queue a look at what an import would change; its `Plan` is the job's.

    Raises:
        PermissionDenied: `actor` may not run the exchange, or not upload.
        Refused: what `ask` raises.
    """
    actor.require(Permission.UPLOAD)
    return ask("bulk-look", actor=actor)


@run("bulk-look", "Cancelled: nothing was changed.")
def _look(work: Run) -> str:
    made = Plan.objects.of_job(work.job)
    if made:
        return told(made)  # by a worker that died before it could say so
    work.say("Connecting to the server.", done=2)
    with work.visit() as folder:
        path = again(lambda: _fetch(work, folder))
    work.say("Comparing with the trust stores.", done=60)
    with path.open("rb") as source:
        plan = _plan(work, path.name, open_consolidated(source).exports(), timezone.now())
    return told(plan)


def _fetch(work: Run, folder: Folder) -> Path:
    """The newest consolidated file, as it is now."""
    survey(work, folder)
    found = list_directory(folder).consolidated
    if not found:
        wrong = say("The exports were not consolidated yet.")
        raise Refused("import.unconsolidated", wrong, say("Consolidate them first."))
    return fetch_consolidated(work, folder, found[0][1].name)


def told(plan: Plan) -> str:
    """What a plan comes to, in one sentence."""
    counts = plan.counts()
    said = ", ".join(f"{count} {verdict.label.lower()}" for verdict, count in counts.items())
    left_out = f" {len(plan.refused)} exports are left out." if plan.refused else ""
    return f"An import would find: {said or 'no certificates'}.{left_out} Nothing was changed yet."


def _plan(work: Run, source: str, exports: Iterable[IncludedExport], now: datetime) -> Plan:
    refused: list[str] = []
    items: list[PlanItem] = []
    believed = _believed(work.server, exports, refused)
    for cluster, export in believed:
        items += judge(_brought(cluster, export), now=now)
    plan = Plan(
        job=work.job,
        source=source,
        made_at=now,
        made_by=work.job.started_by,
        clusters=[_noted(cluster, export) for cluster, export in believed],
        refused=refused,
    )
    return keep(plan, items)


@transaction.atomic
def keep(plan: Plan, items: list[PlanItem]) -> Plan:
    """Save a plan with its items; plans that nobody has used for long go."""
    once = _each_once(items)
    plan.digest = digest_of(plan, once)
    plan.save()
    for item in once:
        item.plan = plan
    insert_many(once)
    Plan.objects.filter(made_at__lt=plan.made_at - PLANS_KEPT).delete()
    return plan


def digest_of(plan: Plan, items: Sequence[PlanItem]) -> str:
    """Stands for what the operator sees."""
    lines = [plan.source, *plan.refused]
    lines += [f"{i.cluster_id} {i.purpose} {i.verdict} {i.fingerprint} {i.name}" for i in items]
    return sha256("\n".join(lines).encode()).hexdigest()


def _each_once(items: Sequence[PlanItem]) -> list[PlanItem]:
    """A certificate that several clusters bring is added once."""
    first: dict[tuple[str, str], PlanItem] = {}
    for item in items:
        if Verdict(item.verdict).is_added:
            other = first.setdefault((item.purpose, item.fingerprint), item)
            if other is not item:
                item.verdict, item.der = Verdict.PRESENT, b""
                item.reason = f"{other.cluster_name} brings it, too."
    return list(items)


def _believed(
    server: ExchangeServer, exports: Iterable[IncludedExport], refused: list[str]
) -> list[tuple[Cluster, Export]]:
    """Of each confirmed cluster and service the newest export that it has signed itself."""
    clusters = {str(cluster.cluster_id): cluster for cluster in Cluster.objects.all()}
    newest: dict[tuple[str, str], tuple[Cluster, Export]] = {}
    for one in exports:
        try:
            found = _judged(server, clusters, one)
        except Refused as error:
            refused.append(f"{one.file}: {error}")
            continue
        if found is None:
            continue
        place = (found[1].manifest.cluster.cluster_id, found[1].manifest.service)
        if place not in newest or newest[place][1].manifest.number < found[1].manifest.number:
            newest[place] = found
    return list(newest.values())


def _judged(
    server: ExchangeServer, clusters: dict[str, Cluster], one: IncludedExport
) -> tuple[Cluster, Export] | None:
    """None: it is this cluster's own. Raises `Refused` where it is not believed."""
    if isinstance(one.export, Refused):
        raise one.export
    export, name = one.export, read_name(one.file)
    manifest = export.manifest
    if isinstance(name, ExportName):
        refuse_misnamed(export, name)
    who = visible(manifest.cluster.name)[:100]
    if manifest.cluster.cluster_id == str(server.cluster_id):
        return None
    cluster = clusters.get(manifest.cluster.cluster_id)
    if cluster is None:
        wrong = say("Nobody has confirmed the cluster {who} here.", who=who)
        raise Refused("cluster.unconfirmed", wrong, say("Compare its fingerprints and confirm it."))
    refuse_unbelieved(cluster, manifest.service, manifest.number, export.keys)
    return cluster, export


def refuse_unbelieved(cluster: Cluster, service: str, number: int, keys: dict[str, str]) -> None:
    """Raises `Refused` archive.foreign, archive.older."""
    if not cluster.knows(keys):
        wrong = say(
            "It is not signed by a key of {cluster} that was confirmed here.", cluster=cluster
        )
        cure = say("If that cluster has new keys, compare them and confirm it again.")
        raise Refused("archive.foreign", wrong, cure)
    latest = cluster.latest_number(service)
    if number < latest:
        wrong = say(
            "It is older (number {number}) than what was imported of {cluster} ({latest}).",
            number=number,
            cluster=cluster,
            latest=latest,
        )
        cure = say(
            "Have that cluster export again. If its number stays lower, somebody has signed a"
            " higher one: forget the cluster, and confirm it anew."
        )
        raise Refused("archive.older", wrong, cure)


def _brought(cluster: Cluster, export: Export) -> Brought:
    manifest = export.manifest
    files = [(f"item {n}", item.pem) for n, item in enumerate(export.items, 1)]
    nodes = {f"item {n}": visible(", ".join(item.nodes)) for n, item in enumerate(export.items, 1)}
    purpose = Purpose(f"{manifest.service}-trust")
    return Brought(cluster, cluster.name, purpose, manifest.made_at, files, nodes)


def _noted(cluster: Cluster, export: Export) -> dict[str, object]:
    manifest = export.manifest
    return {
        "pk": cluster.pk,
        "service": manifest.service,
        "number": manifest.number,
        "made_at": manifest.made_at.isoformat(),
        "name": visible(manifest.cluster.name)[:100],
        "nodes": [visible(node) for node in manifest.cluster.nodes],
        "keys": dict(export.keys),
    }


def look_at_file(
    name: str, *, purpose: Purpose | str, passphrase: str, actor: Actor, now: datetime
) -> Plan:
    """Look what the certificates of another system's PKCS#12 would change.

    Its private keys are never kept, and its pass phrase is not either.

    Raises:
        PermissionDenied: `actor` may not run the exchange, or not upload.
        Refused: purpose.wrong, file.unknown, pkcs12.*, and those of `visit`.
    """
    actor.require(Permission.RUN_BULK)
    actor.require(Permission.UPLOAD)
    store = Purpose.named(purpose)
    if store.is_own:
        wrong = say("{store} is the identity of a service.", store=store)
        raise Refused("purpose.wrong", wrong, say("Choose {service}-trust.", service=store.service))
    server, data = ExchangeServer.objects.current(), BytesIO()
    with visit(server, patience=_PATIENCE, limit=_LIMIT) as folder:
        known = {visible(file.name): file.name for file in list_directory(folder).others}
        if name not in known:
            wrong = say(
                "There is no file {name} for this on the server.", name=repr(visible(name)[:100])
            )
            raise Refused("file.unknown", wrong, say("Look at the server again."))
        folder.read(known[name], data, most=PKCS12)
    ders = certificates_of_pkcs12(data.getvalue(), passphrase)
    files = [(f"certificate {n}", der) for n, der in enumerate(ders, 1)]
    items = judge(Brought(None, name, store, None, files), now=now)
    return keep(Plan(source=name[:200], made_at=now, made_by=str(actor)), items)
