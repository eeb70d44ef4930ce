"""Silence trust certificates by rule: nobody is told of them, but they are counted and shown."""

from datetime import datetime

from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import Action, Event, Purpose, SilenceRule
from certificates.models.monitor import SilenceField, SilenceOperator
from certificates.operations.monitoring.acknowledge import checked_reason
from certificates.refusal import Refused
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
    if not called or len(called) > _LONGEST_NAME or visible(called) != called:
        wrong = f"{visible(name)[:40]!r} can't be the name of a rule."
        raise Refused("rule.name", wrong, f"Write up to {_LONGEST_NAME} visible characters.")
    if SilenceRule.objects.filter(name=called).exists():
        wrong = f"There is a rule {called!r} already."
        raise Refused("rule.known", wrong, "Remove that one first, or choose another name.")
    if field not in SilenceField.values or operator not in SilenceOperator.values:
        known = f"{', '.join(SilenceField.values)}, with {' or '.join(SilenceOperator.values)}"
        wrong = f"A rule can't ask {visible(field)[:20]!r} {visible(operator)[:20]!r}."
        raise Refused("rule.field", wrong, f"Choose from: {known}.")
    _check_value(field, operator, wanted)
    if SilenceRule.objects.count() >= MOST:
        raise Refused("rule.count", f"There are {MOST} rules.", "Remove one first.")
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


def _check_value(field: str, operator: str, value: str) -> None:
    trusts = [purpose.value for purpose in Purpose if not purpose.is_own]
    if not value or len(value) > _LONGEST_VALUE or visible(value) != value:
        wrong = f"{visible(value)[:40]!r} is nothing that a rule can look for."
        raise Refused("rule.value", wrong, f"Write 1 to {_LONGEST_VALUE} visible characters.")
    exactly = field == SilenceField.PURPOSE and operator == SilenceOperator.IS
    if exactly and value.lower() not in trusts:
        wrong = f"{value!r} is no trust store."
        raise Refused("rule.value", wrong, f"Choose one of: {', '.join(trusts)}.")


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
        wrong = f"The rule {rule.name!r} is not there any more."
        raise Refused("rule.unknown", wrong, "Look at the list again.")
    Event.objects.record(str(actor), Action.EXPIRY_UNSILENCE, rule, rule=rule.sentence)
    rule.delete()
