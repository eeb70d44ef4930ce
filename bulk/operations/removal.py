"""What a cluster has no longer goes from the trust stores, unless something depends on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef

from bulk.models import Origin, Plan, Verdict
from certificates.access import Actor
from certificates.models import Action, Certificate, Event, Purpose
from certificates.models.insertion import portions
from certificates.operations.delete import MOST_AT_ONCE, impact_of
from certificates.refusal import Refused
from certificates.sentence import say


@dataclass(frozen=True, slots=True)
class Removed:
    """How many certificates went, where (node and store), and what stayed, in words."""

    count: int = 0
    places: frozenset[tuple[int, Purpose]] = frozenset()
    kept: tuple[str, ...] = ()


def remove_gone(plan: Plan, *, actor: Actor, now: datetime) -> Removed:
    """Delete what the plan calls gone; inside the import's transaction and its locks.

    A certificate that came from another cluster, too, or from an operator, stays; so does one that
    a certificate of this cluster needs for its path.

    Raises:
        Refused: delete.many.
    """
    rows: list[Certificate] = []
    for item in plan.items.filter(verdict=Verdict.GONE):
        held = Certificate.objects.for_purpose(Purpose(item.purpose)).filter(
            fingerprint=item.fingerprint, origins__cluster=item.cluster_id
        )
        others = Origin.objects.filter(certificate=OuterRef("pk")).exclude(cluster=item.cluster_id)
        rows += held.exclude(Exists(others)).select_related("node")
    if len(rows) > MOST_AT_ONCE:
        wrong = say(
            "{count} certificates would be removed, more than {most} at once.",
            count=len(rows),
            most=MOST_AT_ONCE,
        )
        cure = say("Import without removing, and delete them in Certificate Management.")
        raise Refused("delete.many", wrong, cure)
    gone, kept = _parted(rows, now)
    told = [(row, {"fingerprint": row.fingerprint, "subject": row.common_name}) for row in gone]
    Event.objects.record_many(str(actor), Action.TRUST_DELETE, told)
    Certificate.objects.filter(pk__in=[row.pk for row in gone]).delete()
    places = frozenset((row.node_id, row.serves) for row in gone)
    count = len({(row.purpose, row.fingerprint) for row in gone})
    return Removed(count, places, tuple(dict.fromkeys(kept)))


def _parted(rows: Sequence[Certificate], now: datetime) -> tuple[list[Certificate], list[str]]:
    """Those that may go together, and in words those that must stay.

    Of two CAs that share a key, each alone can be spared.
    """
    if not rows or not impact_of([row.pk for row in rows], now=now).dependent:
        return list(rows), []
    gone: list[Certificate] = []
    kept = []
    for row in rows:
        needed = impact_of([one.pk for one in (*gone, row)], now=now).dependent
        if needed:
            kept.append(f"{row.common_name or row.file_name}, which the {needed[0]} needs")
        else:
            gone.append(row)
    return gone, kept


def disclaim(plan: Plan) -> None:
    """What a cluster has no longer, and another one has brought too, is the other's alone."""
    for noted in plan.clusters:
        purpose = Purpose(f"{noted['service']}-trust").value
        brought = plan.items.filter(cluster=noted["pk"], purpose=purpose)
        there = {*brought.exclude(verdict=Verdict.GONE).values_list("fingerprint", flat=True)}
        others = Origin.objects.filter(certificate=OuterRef("certificate")).exclude(
            cluster=noted["pk"]
        )
        came = Origin.objects.filter(cluster=noted["pk"], certificate__purpose=purpose)
        shared = came.filter(Exists(others)).values_list("pk", "certificate__fingerprint")
        for some in portions([pk for pk, fingerprint in shared if fingerprint not in there]):
            Origin.objects.filter(pk__in=some).delete()
