"""Add and change policies (IP-1, IP-2, IP-3)."""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from certificates.access import Actor, Permission
from certificates.models import Action, Event, Secret
from certificates.refusal import Refused
from certificates.sentence import say
from ipsec.models import IpsecSettings, Policy, Remains, key_secret
from ipsec.operations.apply import request_apply
from ipsec.operations.examine import (
    PolicyRefused,
    examine,
    following,
    only_disables,
    others_of,
    refuse_unconfirmed,
    warnings,
)
from ipsec.policy.choices import Authentication
from ipsec.policy.definition import FIELD_LABELS, Definition
from ipsec.policy.pair import shown

TRIAL_MINUTES = range(1, 24 * 60 + 1)


@transaction.atomic
def add_policy(
    definition: Definition,
    *,
    preshared_key: str = "",
    enabled: bool = False,
    trial_minutes: int | None = None,
    with_pair: bool = False,
    confirmed: Collection[str] = (),
    actor: Actor,
) -> Policy:
    """Save a new policy; when it is enabled, it is put in force after the commit.

    Args:
        definition: its addresses as `read_address` gives them.
        preshared_key: "": that of the other policies of the same two hosts.
        trial_minutes: it is disabled again after so many minutes unless somebody confirms it.
        with_pair: the other policies of the same two hosts follow in what they share.
        confirmed: codes of the warnings that the operator has confirmed.

    Raises:
        PermissionDenied: `actor` may not configure policies.
        PolicyRefused: some fields can't be so.
        Refused: confirm.legacy, confirm.overlap, policy.trial, upgrade.in-progress.
    """
    _begin(actor)
    _examine(definition, None, preshared_key, with_pair=with_pair, confirmed=confirmed)
    policy = Policy(is_enabled=enabled, changed_by=str(actor)[:200])
    policy.define(definition)
    policy.trial_until = end_of_trial(trial_minutes, enabled=enabled)
    policy.save()
    _save_key(policy, preshared_key, with_pair=with_pair)
    changes = {field: shown(getattr(definition, field)) for field in FIELD_LABELS}
    if policy.trial_until:
        changes["trial_until"] = policy.trial_until.isoformat(timespec="seconds")
    Event.objects.record(str(actor), Action.POLICY_ADD, policy, **changes, enabled=enabled)
    if with_pair:
        _have_pair_follow(policy, definition, actor)
    if enabled or with_pair:
        request_apply(actor=actor)
    return policy


@transaction.atomic
def change_policy(
    policy: Policy,
    definition: Definition,
    *,
    preshared_key: str = "",
    enabled: bool | None = None,
    trial_minutes: int | None = None,
    revision: int | None = None,
    with_pair: bool = False,
    confirmed: Collection[str] = (),
    actor: Actor,
) -> Policy:
    """Save another definition of a policy; what changes is put in force after the commit.

    Args:
        preshared_key: a new one; "": the one that is kept stays.
        enabled: None: as it is.
        revision: what the operator looked at; a later one refuses the change.

    Raises:
        PermissionDenied: `actor` may not configure policies.
        PolicyRefused: some fields can't be so.
        Refused: policy.changed, policy.gone, policy.trial, confirm.legacy, confirm.overlap,
            upgrade.in-progress.
    """
    _begin(actor)
    row = held(policy, revision)
    former, was_enabled = row.definition, row.is_enabled
    if not only_disables(definition, row, preshared_key=preshared_key, enabled=enabled):
        _examine(definition, row, preshared_key, with_pair=with_pair, confirmed=confirmed)
    row.define(definition)
    row.is_enabled = was_enabled if enabled is None else enabled
    if not row.is_enabled:
        row.trial_until = None
    elif trial_minutes is not None:
        row.trial_until = end_of_trial(trial_minutes, enabled=row.is_enabled)
    row.revision += 1
    row.changed_by = str(actor)[:200]
    row.save()
    _save_key(row, preshared_key, with_pair=with_pair)
    if was_enabled:
        Remains.objects.of([former])
    changes = _changes(former, definition)
    if preshared_key:
        changes["preshared_key"] = "set"
    action = Action.POLICY_CHANGE
    if not changes and row.is_enabled != was_enabled:
        action = Action.POLICY_ENABLE if row.is_enabled else Action.POLICY_DISABLE
    if row.trial_until and trial_minutes is not None:
        changes["trial_until"] = row.trial_until.isoformat(timespec="seconds")
    Event.objects.record(str(actor), action, row, **changes, enabled=row.is_enabled)
    if with_pair:
        _have_pair_follow(row, definition, actor)
    if row.is_enabled or was_enabled or with_pair:
        request_apply(actor=actor)
    return row


def held(policy: Policy, revision: int | None = None) -> Policy:
    """The row as it is now, under the lock of the running transaction.

    Raises:
        Refused: policy.gone, policy.changed.
    """
    row = Policy.objects.filter(pk=policy.pk).first()
    if row is None:
        wrong = say("The policy {policy} was deleted meanwhile.", policy=policy)
        raise Refused("policy.gone", wrong, say("Look at the list."))
    if revision is not None and row.revision != revision:
        wrong = say(
            "The policy {row} was changed meanwhile by {changed_by}.",
            row=row,
            changed_by=row.changed_by,
        )
        raise Refused("policy.changed", wrong, say("Open it again and look at what is there now."))
    return row


def _begin(actor: Actor) -> None:
    actor.require(Permission.CONFIGURE_POLICIES)
    Event.objects.hold()
    IpsecSettings.objects.refuse_during_upgrade()


def _examine(
    definition: Definition,
    policy: Policy | None,
    preshared_key: str,
    *,
    with_pair: bool,
    confirmed: Collection[str],
) -> None:
    found = examine(definition, preshared_key=preshared_key, policy=policy, with_pair=with_pair)
    if found:
        raise PolicyRefused(found)
    refuse_unconfirmed(warnings(definition, policy), confirmed)


def end_of_trial(minutes: int | None, *, enabled: bool) -> datetime | None:
    """When a trial that begins now ends; None: it is no trial.

    Raises:
        Refused: policy.trial.
    """
    if minutes is None or not enabled:
        return None
    if minutes not in TRIAL_MINUTES:
        wrong = say("A trial of {minutes} minutes is not possible.", minutes=minutes)
        cure = say(
            "Choose {least} to {most} minutes.", least=TRIAL_MINUTES[0], most=TRIAL_MINUTES[-1]
        )
        raise Refused("policy.trial", wrong, cure)
    return timezone.now() + timedelta(minutes=minutes)


def _save_key(policy: Policy, key: str, *, with_pair: bool) -> None:
    """Seal the key of a policy that uses one, and forget that of a policy that does not."""
    if policy.authentication != Authentication.PRESHARED_KEY:
        forget_keys([policy.pk])
        if policy.key_mark:
            Policy.objects.filter(pk=policy.pk).note(key_mark="")
            policy.key_mark = ""
        return
    holder = next((other for other in others_of(policy.definition, policy) if other.key_mark), None)
    if key:
        is_known = holder is not None and not with_pair  # examined: then it is the same
        mark = holder.key_mark if is_known and holder else secrets.token_hex(8)
    elif policy.key_mark and (holder is None or with_pair):
        return
    else:
        assert holder is not None  # noqa: S101 - examined: there is a key somewhere
        key, mark = holder.unsealed_key(), holder.key_mark
    Secret.objects.keep(key_secret(policy.pk), key.encode())
    Policy.objects.filter(pk=policy.pk).note(key_mark=mark)
    policy.key_mark = mark


def forget_keys(policies: Collection[int]) -> None:
    """Delete the sealed keys of policies, by their primary keys."""
    listed = [key_secret(pk) for pk in policies]
    for start in range(0, len(listed), 500):
        Secret.objects.filter(name__in=listed[start : start + 500]).delete()


def _have_pair_follow(policy: Policy, definition: Definition, actor: Actor) -> None:
    key = policy.unsealed_key()
    for other in others_of(definition, policy):
        former = other.definition
        wanted = following(definition, former)
        is_same_key = other.key_mark == policy.key_mark
        if wanted == former and is_same_key:
            continue
        other.define(wanted)
        other.revision += 1
        other.changed_by = str(actor)[:200]
        other.key_mark = policy.key_mark
        other.save()
        if policy.key_mark:
            Secret.objects.keep(key_secret(other.pk), key.encode())
        else:
            forget_keys([other.pk])
        told = _changes(former, wanted) | ({} if is_same_key else {"preshared_key": "set"})
        Event.objects.record(str(actor), Action.POLICY_CHANGE, other, **told, followed=str(policy))


def _changes(former: Definition, definition: Definition) -> dict[str, str]:
    told = {}
    for field in FIELD_LABELS:
        before, after = getattr(former, field), getattr(definition, field)
        if before != after:
            told[field] = f"{shown(before)} -> {shown(after)}"
    return told
