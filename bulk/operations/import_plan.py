"""Import: what the operator was shown, into the trust store of every node, or nothing (BK-4)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from bulk.models import Cluster, Origin, Plan, PlanItem, Verdict
from bulk.operations.look import refuse_unbelieved
from bulk.operations.removal import Removed, disclaim, remove_gone
from bulk.operations.run import WHOLE, Run, run
from bulk.seen import counted
from certificates.access import Actor, Permission
from certificates.jobs import enqueue
from certificates.models import Action, Certificate, Deployment, Event, Job, Node, Purpose
from certificates.models.certificate import columns
from certificates.models.insertion import portions
from certificates.operations.consequences import ask_for_restarts, intend, lock_places
from certificates.operations.upload import add_trusted
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.facts import Facts, read_facts


@transaction.atomic
def request_import(plan: Plan, *, shown: str, remove: bool = False, actor: Actor) -> Job:
    """Queue the import of a plan.

    Args:
        shown: `Plan.digest` of what the operator was shown.
        remove: also the certificates that their cluster has no longer.

    Raises:
        PermissionDenied: `actor` may not run the exchange, not upload, or not delete.
        Refused: state.changed, import.done, import.unknown.
    """
    for permission in (Permission.RUN_BULK, Permission.UPLOAD):
        actor.require(permission)
    if remove:
        actor.require(Permission.DELETE)
    Event.objects.hold()
    row = Plan.objects.select_for_update().filter(pk=plan.pk).first()
    if row is None:
        raise _forgotten()
    if row.digest != shown:
        wrong = say("This is not what you were shown.")
        raise Refused("state.changed", wrong, say("Look at it again, then decide."))
    refuse_done(row)
    return enqueue(
        "bulk-import",
        row.source,
        once=f"bulk-import {row.pk} {int(remove)}",
        started_by=str(actor),
        plan=row.pk,
        remove=int(remove),
    )


def _forgotten() -> Refused:
    wrong = say("What was to be imported is not kept any more.")
    return Refused("import.unknown", wrong, say("Look again what an import would change."))


def refuse_done(plan: Plan) -> None:
    """Raises `Refused` import.done."""
    if plan.imported_at:
        wrong = say("The {plan} was done already.", plan=plan)
        raise Refused("import.done", wrong, say("Look again what an import would change now."))


@run("bulk-import", "Cancelled: nothing was changed.")
def _import(work: Run) -> str:
    arguments = work.job.arguments
    plan = Plan.objects.filter(pk=arguments["plan"]).first()
    if plan is None:
        raise _forgotten()
    if plan.imported_at:
        return f"The {plan} was done already."  # by a worker that died before it could say so
    wanted = _read(plan, timezone.now())
    work.say("Writing the trust stores.", done=50)
    done = _write(plan, wanted, remove=bool(arguments["remove"]), actor=work.actor)
    work.job.report(done=WHOLE, total=WHOLE, now=timezone.now())
    return str(done)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A certificate to be added, and what the bytes that the plan has kept say."""

    item: PlanItem
    facts: Facts


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed: certificates of each trust store, and on how many nodes."""

    added: int
    removed: int
    kept: tuple[str, ...]
    nodes: int

    def __str__(self) -> str:
        if not self.added and not self.removed:
            return "Nothing was to be changed: everything is there." + self._kept()
        removed = f", {self.removed} removed" if self.removed else ""
        where = "one node" if self.nodes == 1 else f"{self.nodes} nodes"
        return f"Imported: {counted(self.added)} added{removed}, on {where}." + self._kept()

    def _kept(self) -> str:
        return f" Not removed: {'; '.join(self.kept)}." if self.kept else ""


def _read(plan: Plan, now: datetime) -> list[_Wanted]:
    """From the very bytes that were judged; only what the time or a setting changes is asked again.

    Raises:
        Refused: state.changed.
    """
    added = [verdict for verdict in Verdict if verdict.is_added]
    items = plan.items.filter(verdict__in=added).select_related("cluster")
    wanted = [_Wanted(item, read_facts(bytes(item.der))) for item in items]
    for item, facts in ((one.item, one.facts) for one in wanted):
        if facts.not_after and facts.not_after < now:
            wrong = say("{name} has expired since you looked at it.", name=item.name)
            raise Refused("state.changed", wrong, say("Look again what an import would change."))
        if not settings.CCXSEC_ALLOW_LEGACY and Certificate(**columns(facts)).is_legacy:
            wrong = say(
                "{name} is weak, which is forbidden here now (CCXSEC_ALLOW_LEGACY=false).",
                name=item.name,
            )
            raise Refused("state.changed", wrong, say("Look again what an import would change."))
    return wanted


@transaction.atomic
def _write(plan: Plan, wanted: Sequence[_Wanted], *, remove: bool, actor: Actor) -> Imported:
    """All of it in one transaction; what is asked of it is asked again under its locks."""
    now = timezone.now()
    Event.objects.hold()
    nodes = list(Node.objects.all())
    row = Plan.objects.select_for_update().get(pk=plan.pk)
    refuse_done(row)
    clusters = _believed_still(row)
    stores = sorted({Purpose(one.item.purpose) for one in wanted} | _stores_of(row))
    places = {
        (place.node_id, purpose): place
        for purpose in stores
        for place in lock_places(nodes, purpose.service)
    }
    touched: set[tuple[int, Purpose]] = set()
    added: set[tuple[Purpose, str]] = set()
    for (node_id, purpose), place in places.items():
        here = [one for one in wanted if one.item.purpose == purpose]
        new = _add(place.node, purpose, here, actor, now)
        added |= {(purpose, fingerprint) for fingerprint in new}
        if new:
            touched.add((node_id, purpose))
    _refuse_missing(row, nodes)
    _claim(row, clusters, now)
    disclaim(row)
    removed = remove_gone(row, actor=actor, now=now) if remove else Removed()
    touched |= removed.places
    _follow(row, places, touched, actor, now)
    _learn(row, clusters, actor)
    row.imported_at = now
    row.save(update_fields=["imported_at"])
    Event.objects.record(
        str(actor), Action.EXCHANGE_IMPORT, row, added=len(added), removed=removed.count
    )
    return Imported(len(added), removed.count, removed.kept, len({node for node, _ in touched}))


def _stores_of(plan: Plan) -> set[Purpose]:
    gone = plan.items.filter(verdict=Verdict.GONE).order_by().values_list("purpose", flat=True)
    return {Purpose(value) for value in gone.distinct()}


def _believed_still(plan: Plan) -> dict[int, Cluster]:
    """The plan's clusters, locked. Raises `Refused`: somebody has forgotten one, or it has moved.

    Nobody's number goes back: an older export than the newest one that was imported is refused.
    """
    clusters = {}
    for noted in plan.clusters:
        cluster = Cluster.objects.select_for_update().filter(pk=noted["pk"]).first()
        if cluster is None:
            wrong = say("The cluster {name} is not confirmed any more.", name=noted["name"])
            raise Refused("state.changed", wrong, say("Look again what an import would change."))
        refuse_unbelieved(cluster, noted["service"], noted["number"], noted["keys"])
        clusters[cluster.pk] = cluster
    return clusters


def _add(
    node: Node, purpose: Purpose, wanted: Sequence[_Wanted], actor: Actor, now: datetime
) -> set[str]:
    """Add what the node's store lacks; each certificate knows where it came from.

    Returns:
        The fingerprints of what was added.
    """
    store = Certificate.objects.for_purpose(purpose).filter(node=node)
    there: set[str] = set()
    for asked in portions([one.facts.fingerprint for one in wanted]):
        there.update(store.filter(fingerprint__in=asked).values_list("fingerprint", flat=True))
    of_cluster: dict[str, list[_Wanted]] = defaultdict(list)
    for one in wanted:
        if one.facts.fingerprint not in there:
            there.add(one.facts.fingerprint)
            of_cluster[one.item.cluster_name].append(one)
    for some in of_cluster.values():
        facts = [one.facts for one in some]
        rows = add_trusted(node, purpose, facts, actor, imported_from=_source(some[0].item))
        Origin.objects.bulk_create(
            [
                Origin(
                    certificate=row,
                    cluster=one.item.cluster,
                    exported_at=one.item.exported_at or now,
                    imported_at=now,
                )
                for row, one in zip(rows, some, strict=True)
                if one.item.cluster
            ]
        )
    return {one.facts.fingerprint for some in of_cluster.values() for one in some}


def _refuse_missing(plan: Plan, nodes: Sequence[Node]) -> None:
    """What the operator was shown as there already is on every node, by now.

    Raises:
        Refused: state.changed. Somebody has deleted some of it, or a node was added.
    """
    there = plan.items.filter(verdict=Verdict.PRESENT).exclude(fingerprint="")
    fingerprints: dict[str, set[str]] = defaultdict(set)
    for purpose, fingerprint in there.values_list("purpose", "fingerprint"):
        fingerprints[purpose].add(fingerprint)
    for purpose, wanted in fingerprints.items():
        store = Certificate.objects.for_purpose(Purpose(purpose)).filter(node__in=nodes)
        held = sum(
            store.filter(fingerprint__in=asked).values("fingerprint", "node").distinct().count()
            for asked in portions([*wanted])
        )
        if held < len(wanted) * len(nodes):
            wrong = say(
                "{purpose} lacks by now what was there when the import was looked at.",
                purpose=purpose,
            )
            raise Refused("state.changed", wrong, say("Look again what an import would change."))


def _source(item: PlanItem) -> str:
    if item.exported_at is None:
        return f"file {item.cluster_name}"
    return f"cluster {item.cluster_name}, exported {item.exported_at:%Y-%m-%d}"


def _claim(plan: Plan, clusters: dict[int, Cluster], now: datetime) -> None:
    """A certificate that another cluster has brought before is this one's, too."""
    shared = plan.items.filter(verdict=Verdict.PRESENT, cluster__isnull=False)
    for item in shared.exclude(fingerprint="").iterator():
        held = Certificate.objects.for_purpose(Purpose(item.purpose)).filter(
            fingerprint=item.fingerprint, origins__isnull=False
        )
        for row in held.distinct():
            Origin.objects.update_or_create(
                certificate=row,
                cluster=clusters[item.cluster_id or 0],
                defaults={"exported_at": item.exported_at or now, "imported_at": now},
            )


def _follow(
    plan: Plan,
    places: dict[tuple[int, Purpose], Deployment],
    touched: set[tuple[int, Purpose]],
    actor: Actor,
    now: datetime,
) -> None:
    names = ", ".join(sorted({noted["name"] for noted in plan.clusters})) or plan.source
    for key, place in places.items():
        if key in touched:
            reason = f"{key[1]} of {place.node} changed: certificates of {names} were imported."
            ask_for_restarts(place.node, key[1], reason[:300], now=now)
            intend(place, actor)


def _learn(plan: Plan, clusters: dict[int, Cluster], actor: Actor) -> None:
    """What the clusters' exports say of themselves: their numbers, nodes and keys."""
    for noted in plan.clusters:
        cluster = clusters[noted["pk"]]
        made_at = datetime.fromisoformat(noted["made_at"])
        if cluster.learns_from(made_at):
            if cluster.keys != noted["keys"]:
                # One of its keys is another now; the one that did not change has signed it.
                Event.objects.record(str(actor), Action.CLUSTER_KEYS, cluster, **noted["keys"])
            cluster.keys, cluster.nodes = noted["keys"], noted["nodes"]
            cluster.keys_at = made_at
        cluster.latest = cluster.latest | {noted["service"]: noted["number"]}
        cluster.save(update_fields=["keys", "keys_at", "nodes", "latest"])
