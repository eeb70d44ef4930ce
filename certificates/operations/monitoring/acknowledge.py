"""Acknowledge an expiry until a date: somebody knows of it, and no notice comes until then."""

from datetime import datetime, timedelta

from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import Acknowledgement, Action, Certificate, Event
from certificates.models.certificate import State
from certificates.operations.monitoring.sources import CERTIFICATES
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

LONGEST = timedelta(days=366)  # an acknowledgement is looked at again
REASON_LENGTH = 300


@transaction.atomic
def acknowledge_expiry(
    certificate: Certificate, *, until: datetime, reason: str, actor: Actor, now: datetime
) -> Acknowledgement:
    """No notices about `certificate` until then; one that is in force is replaced.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: acknowledge.until, reason.empty, reason.long, name.control, state.changed.
    """
    actor.require(Permission.CONFIGURE)
    Event.objects.hold()
    if not now < until <= now + LONGEST:
        day = f"{until:%Y-%m-%d}"
        wrong = say("{day} is not in the coming {days} days.", day=day, days=LONGEST.days)
        raise Refused("acknowledge.until", wrong, say("Choose a date in that time."))
    told = checked_reason(reason)
    if not Certificate.objects.filter(pk=certificate.pk, state=State.ACTIVE).exists():
        wrong = say("The {certificate} was replaced or deleted meanwhile.", certificate=certificate)
        raise Refused("state.changed", wrong, say("There is nothing to acknowledge."))
    former = Acknowledgement.objects.of(CERTIFICATES.name, certificate.pk)
    former.filter(withdrawn_at=None).update(withdrawn_at=now, withdrawn_by=str(actor)[:200])
    row = Acknowledgement.objects.create(
        source=CERTIFICATES.name,
        source_key=certificate.pk,
        text=f"{certificate.file_name} on {certificate.node}"[:300],
        reason=told,
        until=until,
        by=str(actor)[:200],
        at=now,
    )
    Event.objects.record(
        str(actor),
        Action.EXPIRY_ACKNOWLEDGE,
        certificate,
        until=until.isoformat(timespec="seconds"),
        reason=told,
        file_name=certificate.file_name,
    )
    return row


@transaction.atomic
def withdraw(certificate: Certificate, *, actor: Actor, now: datetime) -> None:
    """Notices about it come again, from this period on.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: acknowledge.none.
    """
    actor.require(Permission.CONFIGURE)
    Event.objects.hold()
    rows = Acknowledgement.objects.of(CERTIFICATES.name, certificate.pk).filter(withdrawn_at=None)
    if not rows.update(withdrawn_at=now, withdrawn_by=str(actor)[:200]):
        wrong = say(
            "The expiry of {file_name} is not acknowledged.", file_name=certificate.file_name
        )
        raise Refused("acknowledge.none", wrong, say("There is nothing to withdraw."))
    Event.objects.record(
        str(actor), Action.EXPIRY_WITHDRAW, certificate, file_name=certificate.file_name
    )


def checked_reason(reason: str) -> str:
    """Raises `Refused` reason.empty, reason.long, name.control."""
    told = reason.strip()
    if not told:
        raise Refused(
            "reason.empty", say("There is no reason."), say("Write one: others will read it.")
        )
    if len(told) > REASON_LENGTH:
        wrong = say(
            "The reason has {count} characters; {most} are kept.",
            count=len(told),
            most=REASON_LENGTH,
        )
        raise Refused("reason.long", wrong, say("Shorten it."))
    if visible(told) != told:
        wrong = say("The reason contains line breaks or invisible characters.")
        raise Refused("name.control", wrong, say("Type it again, on one line."))
    return told
