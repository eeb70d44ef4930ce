"""The audit log is whole, and tells of every own certificate."""

from collections.abc import Iterator

from django.db.models import CharField, Exists, OuterRef
from django.db.models.functions import Cast

from certificates.models import Action, Certificate, Event
from certificates.operations.audit import verify_audit
from certificates.operations.doctor.finding import Asked
from certificates.refusal import Finding

_MADE = (Action.CERTIFICATE_GENERATE.value, Action.CERTIFICATE_INSTALL.value)


def audit_problems(_: Asked) -> Iterator[Finding]:
    """The chain of codes with its anchor; then no action without audit."""
    verdict = verify_audit()
    if verdict.problem:
        kept = f"The {verdict.events:,} events before it are as they were written: keep a copy."
        yield Finding("audit.broken", verdict.problem, kept)
    told = Event.objects.filter(
        object_type=Certificate._meta.label_lower,
        object_id=Cast(OuterRef("pk"), CharField()),
        action__in=_MADE,
    )
    untold = Certificate.objects.own().exclude(Exists(told)).select_related("node").order_by("pk")
    for row in untold.iterator(chunk_size=500):
        wrong = f"No event tells where the {row.state} {row} (number {row.pk}) comes from."
        yield Finding("audit.untold", wrong, "Somebody changed the database: replace the key.")
