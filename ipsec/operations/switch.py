"""Enable, disable, delete policies, several at once; trials; the upgrade switch (IP-3 to IP-5)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from certificates.access import Actor, Permission
from certificates.models import Action, Event
from certificates.refusal import Refused
from certificates.sentence import say
from ipsec.models import IpsecSettings, Policy, Remains
from ipsec.operations.apply import request_apply
from ipsec.operations.examine import PolicyRefused, examine_kept
from ipsec.operations.save import end_of_trial, forget_keys

WAY_BACK = Actor("end of trial")
AT_ONCE = 500  # rows in one query


@transaction.atomic
def set_enabled(
    policies: Sequence[Policy],
    *,
    enabled: bool,
    trial_minutes: int | None = None,
    actor: Actor,
) -> list[Policy]:
    """Enable or disable policies, all or none; what changes is put in force after the commit.

    A policy is examined again before it is enabled: a certificate may be gone, or a setting may
    forbid it by now.

    Args:
        trial_minutes: they are disabled again after so many minutes unless somebody confirms.

    Returns: those that were not so before.

    Raises:
        PermissionDenied: `actor` may not configure policies.
        PolicyRefused: one can't be enabled as it is; its sentence begins with its name.
        Refused: policy.trial, upgrade.in-progress.
    """
    actor.require(Permission.CONFIGURE_POLICIES)
    Event.objects.hold()
    IpsecSettings.objects.refuse_during_upgrade()
    rows = [row for row in _held(policies) if row.is_enabled != enabled]
    until = end_of_trial(trial_minutes, enabled=enabled)
    if enabled:
        for row, found in examine_kept(rows):
            raise PolicyRefused(found, of=str(row))
    for start in range(0, len(rows), AT_ONCE):
        Policy.objects.filter(pk__in=[row.pk for row in rows[start : start + AT_ONCE]]).update(
            is_enabled=enabled,
            trial_until=until,
            revision=F("revision") + 1,
            changed_by=str(actor)[:200],
            changed_at=timezone.now(),
        )
    rows = _held(rows)
    if not enabled:
        Remains.objects.of(row.definition for row in rows)
    action = Action.POLICY_ENABLE if enabled else Action.POLICY_DISABLE
    detail: dict[str, str | int] = {"minutes_of_trial": trial_minutes} if trial_minutes else {}
    Event.objects.record_many(str(actor), action, [(row, detail) for row in rows])
    if rows:
        request_apply(actor=actor)
    return rows


@transaction.atomic
def delete_policies(policies: Sequence[Policy], *, actor: Actor) -> list[str]:
    """Delete policies with their keys and their history; they leave the daemon after the commit.

    Returns: their names.

    Raises:
        PermissionDenied: `actor` may not configure policies.
        Refused: upgrade.in-progress.
    """
    actor.require(Permission.CONFIGURE_POLICIES)
    Event.objects.hold()
    IpsecSettings.objects.refuse_during_upgrade()
    rows = _held(policies)
    was_enabled = any(row.is_enabled for row in rows)
    Event.objects.record_many(
        str(actor), Action.POLICY_DELETE, [(row, {"enabled": row.is_enabled}) for row in rows]
    )
    Remains.objects.of(row.definition for row in rows if row.is_enabled)
    keys = [row.pk for row in rows]
    forget_keys(keys)
    for start in range(0, len(keys), AT_ONCE):
        Policy.objects.filter(pk__in=keys[start : start + AT_ONCE]).delete()
    if was_enabled:
        request_apply(actor=actor)
    return [str(row) for row in rows]


@transaction.atomic
def confirm_trial(policies: Sequence[Policy], *, actor: Actor) -> list[Policy]:
    """Keep policies enabled that were enabled on trial; also during a system upgrade.

    Raises:
        PermissionDenied: `actor` may not operate policies.
        Refused: policy.no-trial.
    """
    actor.require(Permission.OPERATE_POLICIES)
    Event.objects.hold()
    rows = [row for row in _held(policies) if row.trial_until is not None]
    if not rows:
        wrong = say("No trial of these policies is running: it has been confirmed, or has ended.")
        raise Refused("policy.no-trial", wrong, say("Look at the list for what is enabled now."))
    Policy.objects.filter(pk__in=[row.pk for row in rows]).note(trial_until=None)
    Event.objects.record_many(str(actor), Action.POLICY_CONFIRM, [(row, {}) for row in rows])
    return rows


@transaction.atomic
def end_trials(*, now: datetime) -> list[Policy]:
    """Disable what nobody has confirmed in time.

    Also during a system upgrade: it may be what keeps the operators out.
    """
    if not Policy.objects.filter(trial_until__lte=now).exists():
        return []
    Event.objects.hold()
    rows = list(Policy.objects.filter(trial_until__lte=now))
    Policy.objects.filter(pk__in=[row.pk for row in rows]).note(
        is_enabled=False,
        trial_until=None,
        revision=F("revision") + 1,  # a form that was opened before would enable it again
        changed_by=str(WAY_BACK),
        changed_at=now,
    )
    Remains.objects.of(row.definition for row in rows)
    Event.objects.record_many(str(WAY_BACK), Action.POLICY_WAY_BACK, [(row, {}) for row in rows])
    if rows:
        request_apply(actor=WAY_BACK)
    return rows


@transaction.atomic
def switch_upgrade(*, on: bool, actor: Actor) -> IpsecSettings:
    """Say that a system upgrade is in progress, or that it has ended (IP-5).

    Raises:
        PermissionDenied: `actor` may not configure policies.
        Refused: policy.trial-runs.
    """
    actor.require(Permission.CONFIGURE_POLICIES)
    Event.objects.hold()
    row = IpsecSettings.objects.current()
    if row.upgrade_in_progress == on:
        return row
    trial = Policy.objects.filter(trial_until__isnull=False).first() if on else None
    if trial:
        wrong = say(
            "{policy} is enabled on trial, and its end would change it during the upgrade.",
            policy=trial,
        )
        raise Refused("policy.trial-runs", wrong, say("Confirm it, or disable it, first."))
    row.upgrade_in_progress = on
    row.upgrade_since = timezone.now() if on else None
    row.upgrade_by = str(actor)[:200] if on else ""
    row.save()
    Event.objects.record(str(actor), Action.UPGRADE_BEGIN if on else Action.UPGRADE_END, row)
    return row


def _held(policies: Iterable[Policy]) -> list[Policy]:
    """The rows as they are now; those that are gone are left out."""
    keys = [policy.pk for policy in policies]
    rows: list[Policy] = []
    for start in range(0, len(keys), AT_ONCE):
        rows += Policy.objects.filter(pk__in=keys[start : start + AT_ONCE]).in_list_order()
    return rows
