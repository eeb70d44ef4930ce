"""Silence trust certificates by rule: nobody is told of them, but they are counted and shown."""

from datetime import datetime

from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import Action, Event, Purpose, SilenceRule
from certificates.models.monitor import SilenceField, SilenceOperator
from certificates.operations.monitoring.acknowledge import checked_reason
from certificates.refusal import Refused
from certificates.sentence import listed, say
from certificates.x509.visible import visible

MOST = 50  # each is a condition of every sweep
_LONGEST_NAME, _LONGEST_VALUE = 80, 255


@transaction.atomic
def add_rule(
    *, name: str, field: str, operator: str, value: str, reason: str, actor: Actor, now: datetime
) -> SilenceRule:
    """Leave out the trust certificates whose `field` is, or contains, `value`.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: rule.name, rule.known, rule.field, rule.value, rule.count, reason.empty,
            reason.long, name.control.
    """
    actor.require(Permission.CONFIGURE)
    Event.objects.hold()
    called, wanted = name.strip(), value.strip()
    _check_name(name)
    _check_field(field, operator)
    _check_value(field, operator, wanted)
    if SilenceRule.objects.count() >= MOST:
        raise Refused(
            "rule.count", say("There are {most} rules.", most=MOST), say("Remove one first.")
        )
    row = SilenceRule.objects.create(
        name=called,
        field=field,
        operator=operator,
        value=wanted,
        reason=checked_reason(reason),
        by=str(actor)[:200],
        at=now,
    )
    detail = {"rule": row.sentence, "reason": row.reason}
    Event.objects.record(str(actor), Action.EXPIRY_SILENCE, row, **detail)
    return row


def _check_name(name: str) -> None:
    called = name.strip()
    if not called or len(called) > _LONGEST_NAME or visible(called) != called:
        wrong = say("{name} can't be the name of a rule.", name=repr(visible(name)[:40]))
        raise Refused(
            "rule.name",
            wrong,
            say("Write up to {most} visible characters.", most=_LONGEST_NAME),
        )
    if SilenceRule.objects.filter(name=called).exists():
        wrong = say("There is a rule {called} already.", called=repr(called))
        raise Refused("rule.known", wrong, say("Remove that one first, or choose another name."))


def _check_field(field: str, operator: str) -> None:
    if field not in SilenceField.values or operator not in SilenceOperator.values:
        cure = say(
            "Choose from: {fields}, with {operators}.",
            fields=", ".join(SilenceField.values),
            operators=listed(SilenceOperator.values, say(" or ")),
        )
        wrong = say(
            "A rule can't ask {field} {operator}.",
            field=repr(visible(field)[:20]),
            operator=repr(visible(operator)[:20]),
        )
        raise Refused("rule.field", wrong, cure)


def _check_value(field: str, operator: str, value: str) -> None:
    trusts = [purpose.value for purpose in Purpose if not purpose.is_own]
    if not value or len(value) > _LONGEST_VALUE or visible(value) != value:
        wrong = say("{value} is nothing that a rule can look for.", value=repr(visible(value)[:40]))
        raise Refused(
            "rule.value",
            wrong,
            say("Write 1 to {most} visible characters.", most=_LONGEST_VALUE),
        )
    exactly = field == SilenceField.PURPOSE and operator == SilenceOperator.IS
    if exactly and value.lower() not in trusts:
        wrong = say("{value} is no trust store.", value=repr(value))
        raise Refused(
            "rule.value", wrong, say("Choose one of: {trusts}.", trusts=", ".join(trusts))
        )


@transaction.atomic
def remove_rule(rule: SilenceRule, *, actor: Actor) -> None:
    """What it left out is told again.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: rule.unknown.
    """
    actor.require(Permission.CONFIGURE)
    Event.objects.hold()
    if not SilenceRule.objects.filter(pk=rule.pk).exists():
        wrong = say("The rule {rule} is not there any more.", rule=repr(rule.name))
        raise Refused("rule.unknown", wrong, say("Look at the list again."))
    Event.objects.record(str(actor), Action.EXPIRY_UNSILENCE, rule, rule=rule.sentence)
    rule.delete()
