"""What several administrators do with IPsec policies at once: run in the worker."""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils import timezone

from certificates.models import Event
from certificates.operations import verify_audit
from certificates.refusal import Refused
from ipsec.models import Policy
from ipsec.operations import (
    add_policy,
    change_policy,
    confirm_trial,
    delete_policies,
    end_trials,
    set_enabled,
    switch_upgrade,
)
from ipsec.policy.choices import Hash, Protocol
from ipsec.policy.definition import SHARED_FIELDS, Definition
from tests.lab.changes import ACTOR
from tests.lab.racing import Act

KEYS = ("a-good-key-1234", "another-key-5678")
WEB = Definition(
    group="race", name="web", source_address="192.0.2.1", destination_address="192.0.2.2",
    protocol=Protocol.TCP, destination_port=443,
)  # fmt: skip
DB = replace(WEB, name="db", destination_port=5432)


# --- What each is about to do --------------------------------------------------------------------
def same_revision() -> list[Act]:
    row = _fresh(WEB)
    return [_act(change, row.pk, row.revision, seconds) for seconds in (100, 200, 300)]


def same_name() -> list[Act]:
    _nothing()
    return [_act(add, {"destination_address": f"192.0.2.{n}"}, 0) for n in (7, 8, 9)]


def same_traffic() -> list[Act]:
    _nothing()
    return [_act(add, {"name": f"web-{n}"}, 0) for n in range(3)]


def two_hashes_in_one_pair() -> list[Act]:
    _nothing()
    return [
        _act(add, {"hash": hash_.value, "name": hash_.value, "destination_port": port}, 0)
        for port, hash_ in ((1, Hash.SHA256), (2, Hash.SHA384), (3, Hash.SHA512))
    ]


def two_keys_in_one_pair() -> list[Act]:
    _nothing()
    return [_act(add, {"name": f"p-{n}", "destination_port": 1 + n}, n) for n in range(2)]


def change_and_have_the_pair_follow() -> list[Act]:
    """One changes a policy; another changes its pair, and with it this policy."""
    row, other = _fresh(WEB), _add(DB)
    return [
        _act(change, row.pk, row.revision, 100),
        _act(follow, other.pk, other.revision, Hash.SHA512.value),
    ]


def change_and_delete() -> list[Act]:
    row = _fresh(WEB)
    return [_act(change, row.pk, row.revision, 100), _act(delete, row.pk)]


def enable_and_upgrade() -> list[Act]:
    row = _fresh(WEB)
    return [_act(enable, row.pk), _act(begin_upgrade)]


def confirm_and_way_back() -> list[Act]:
    row = _fresh(WEB)
    set_enabled([row], enabled=True, trial_minutes=1, actor=ACTOR)
    return [_act(confirm, row.pk), _act(way_back)]


# --- What each does ------------------------------------------------------------------------------
def change(pk: int, revision: int, seconds: int) -> None:
    row = Policy.objects.filter(pk=pk).first() or Policy(pk=pk, group="race", name="web")
    wanted = replace(WEB, phase_two_life_time=seconds)
    change_policy(row, wanted, revision=revision, actor=ACTOR)


def add(fields: dict[str, Any], key: int) -> None:
    if "hash" in fields:
        fields = fields | {"hash": Hash(fields["hash"])}
    add_policy(replace(WEB, **fields), preshared_key=KEYS[key], actor=ACTOR)


def follow(pk: int, revision: int, hash_: str) -> None:
    row = Policy.objects.get(pk=pk)
    wanted = replace(row.definition, hash=Hash(hash_))
    change_policy(row, wanted, revision=revision, with_pair=True, actor=ACTOR)


def delete(pk: int) -> None:
    delete_policies([Policy(pk=pk)], actor=ACTOR)


def enable(pk: int) -> None:
    set_enabled([Policy(pk=pk)], enabled=True, actor=ACTOR)


def begin_upgrade() -> None:
    switch_upgrade(on=True, actor=ACTOR)


def confirm(pk: int) -> None:
    confirm_trial([Policy(pk=pk)], actor=ACTOR)


def way_back() -> None:
    if not end_trials(now=timezone.now() + timedelta(minutes=2)):
        raise Refused("nothing", "No trial was left.", "")


# --- What must hold afterwards -------------------------------------------------------------------
def policy_violations() -> list[str]:
    """Each pair agrees, in its key too; each policy has the events of what it is; none is lost."""
    found, pairs = [], defaultdict(list)
    for row in Policy.objects.all():
        pairs[row.definition.pair].append(row)
        if not row.unsealed_key():
            found.append(f"{row} has no key")
        last = Event.objects.filter(object_type="ipsec.policy", object_id=str(row.pk)).first()
        if last is None:
            found.append(f"nobody was told of {row}")
    for rows in pairs.values():
        shared = {tuple(getattr(row, field) for field in SHARED_FIELDS) for row in rows}
        keys = {(row.key_mark, row.unsealed_key()) for row in rows}
        if len(shared) > 1 or len(keys) > 1:
            found.append(f"{rows[0]} and its pair don't agree")
    problem = verify_audit().problem
    return [*found, problem] if problem else found


def told_of_trials() -> list[str]:
    """How trials have ended, oldest first."""
    ends = ("policy:confirm", "policy:way-back")
    rows = Event.objects.filter(action__in=ends).order_by("sequence")
    return list(rows.values_list("action", flat=True))


def _nothing() -> None:
    switch_upgrade(on=False, actor=ACTOR)
    delete_policies(list(Policy.objects.all()), actor=ACTOR)


def _fresh(definition: Definition) -> Policy:
    _nothing()
    return _add(definition)


def _add(definition: Definition) -> Policy:
    return add_policy(definition, preshared_key=KEYS[0], actor=ACTOR)


def _act(function: Any, *arguments: Any) -> Act:
    return f"{__name__}:{function.__name__}", list(arguments)
