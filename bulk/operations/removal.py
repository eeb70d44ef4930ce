"""What a cluster has no longer goes from the trust stores, unless something depends on it."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef

from bulk.models import Origin, Plan, Verdict
from certificates.access import Actor
from certificates.models import Action, Certificate, Event, Purpose
from certificates.operations.delete import MOST_AT_ONCE, impact_of
from certificates.refusal import Refused


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows went, where (node and store), and what stayed, in words."""

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
        wrong = f"{len(rows)} certificates would be removed, more than {MOST_AT_ONCE} at once."
        cure = "Import without removing, and delete them in Certificate Management."
        raise Refused("delete.many", wrong, cure)
    kept = []
    gone = []
    for row in rows:
        needed = impact_of([row.pk], now=now).dependent
        if needed:
            kept.append(f"{row.common_name or row.file_name}, which the {needed[0]} needs")
        else:
            gone.append(row)
    told = [(row, {"fingerprint": row.fingerprint, "subject": row.common_name}) for row in gone]
    Event.objects.record_many(str(actor), Action.TRUST_DELETE, told)
    Certificate.objects.filter(pk__in=[row.pk for row in gone]).delete()
    places = frozenset((row.node_id, row.serves) for row in gone)
    return Removed(len(gone), places, tuple(dict.fromkeys(kept)))
