"""What happened to policies on the wire, as a history (IP-7)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from certificates.x509.visible import visible
from ipsec.models import Kind, Negotiation, Policy

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened; `field` is what most likely has to be mended, or ""."""

    kind: Kind
    sentence: str
    cure: str = ""
    field: str = ""


def newest_of(policies: Iterable[int]) -> dict[int, Negotiation]:
    """The end of each policy's history, by the policy's primary key."""
    order = [F("at").desc(), F("pk").desc()]
    place = Window(RowNumber(), partition_by=F("policy"), order_by=order)
    keys, found = list(policies), {}
    for start in range(0, len(keys), AT_ONCE):
        rows = Negotiation.objects.filter(policy__in=keys[start : start + AT_ONCE])
        for row in rows.annotate(place=place).filter(place=1):
            found[row.policy_id] = row
    return found


@transaction.atomic
def record(happenings: Mapping[int, Happening], *, at: datetime) -> None:
    """Append to the histories of policies, by their primary keys.

    A failure that follows on the same failure is counted in its row: a packet a second may
    start a negotiation a second.
    """
    # A negotiation takes its time, in which its policy may have been deleted.
    there = set(Policy.objects.filter(pk__in=happenings).values_list("pk", flat=True))
    happenings = {pk: one for pk, one in happenings.items() if pk in there}
    failed = [pk for pk, one in happenings.items() if one.kind is Kind.FAILED]
    before = newest_of(failed)
    new = []
    for pk, one in happenings.items():
        last = before.get(pk)
        if last and (last.kind, last.sentence) == (one.kind, one.sentence):
            again = F("times") + 1
            Negotiation.objects.filter(pk=last.pk).update(last_at=at, times=again)
            continue
        new.append(
            Negotiation(
                policy_id=pk,
                at=at,
                last_at=at,
                kind=one.kind,
                sentence=visible(one.sentence)[:500],
                cure=visible(one.cure)[:500],
                field=one.field,
            )
        )
    Negotiation.objects.bulk_create(new, batch_size=AT_ONCE)
