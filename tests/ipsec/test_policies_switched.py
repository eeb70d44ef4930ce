"""Policies are switched, tried and deleted, several at once; not during an upgrade."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from certificates.access import Actor, Permission
from certificates.models import Event, Node, Secret
from ipsec.models import IpsecSettings, Policy
from ipsec.operations import (
    add_policy,
    change_policy,
    confirm_trial,
    delete_policies,
    end_trials,
    set_enabled,
    switch_upgrade,
)
from ipsec.policy.choices import Protocol
from tests.ipsec.changes import NAMED, TCP, actions, applies, refused
from tests.ipsec.conftest import KEY, WEB, Add
from tests.test_urls import state

pytestmark = [pytest.mark.django_db, pytest.mark.spec("IP-2")]


# --- Switch and delete ---------------------------------------------------------------------------
@pytest.mark.spec("IP-3")
def test_several_are_switched_all_or_none(add: Add, actor: Actor) -> None:
    rows = [add("a", **TCP), add("b", protocol=Protocol.UDP)]
    assert set_enabled(rows, enabled=True, actor=actor) == rows
    assert set_enabled(rows, enabled=True, actor=actor) == []
    assert actions() == ["add", "add", "enable", "enable"]
    set_enabled(rows[:1], enabled=False, actor=actor)

    Policy.objects.filter(pk=rows[0].pk).update(**NAMED)
    Policy.objects.filter(pk=rows[1].pk).update(is_enabled=False, **NAMED)
    error = refused(lambda: set_enabled(rows, enabled=True, actor=actor), "policy.peer-certificate")
    assert error.sentence.startswith("web/a: ")


@pytest.mark.spec("IP-4")
def test_what_is_deleted_takes_its_key_along(add: Add, actor: Actor) -> None:
    rows = [add("a", **TCP), add("b", enabled=True, protocol=Protocol.UDP)]

    assert delete_policies(rows, actor=actor) == ["web/a", "web/b"]

    assert not Policy.objects.exists()
    assert not Secret.objects.filter(name__startswith="ipsec-key:").exists()
    assert actions()[-2:] == ["delete", "delete"]
    assert applies() == 1
    assert delete_policies(rows, actor=actor) == []


# --- Trials --------------------------------------------------------------------------------------
@pytest.mark.spec("IP-7")
def test_a_trial_ends_by_itself_unless_somebody_confirms(add: Add, actor: Actor) -> None:
    kept, lost = add("a", **TCP), add("b", protocol=Protocol.UDP)
    set_enabled([kept, lost], enabled=True, trial_minutes=5, actor=actor)
    now = timezone.now()
    assert end_trials(now=now + timedelta(minutes=4)) == []

    assert confirm_trial([kept], actor=actor) == [kept]
    assert end_trials(now=now + timedelta(minutes=6)) == [lost]

    kept.refresh_from_db()
    lost.refresh_from_db()
    assert (kept.is_enabled, kept.trial_until) == (True, None)
    assert (lost.is_enabled, lost.trial_until) == (False, None)
    assert lost.changed_by == "end of trial"
    assert actions()[-2:] == ["confirm", "way-back"]
    refused(lambda: confirm_trial([kept, lost], actor=actor), "policy.no-trial")


@pytest.mark.parametrize("minutes", [-1, 0, 1441, 10**12])
def test_a_trial_has_its_bounds(add: Add, actor: Actor, minutes: int) -> None:
    row = add()

    refused(
        lambda: set_enabled([row], enabled=True, trial_minutes=minutes, actor=actor),
        "policy.trial",
    )
    refused(
        lambda: change_policy(row, WEB, enabled=True, trial_minutes=minutes, actor=actor),
        "policy.trial",
    )


def test_a_trial_ends_with_the_policys_being_disabled(add: Add, actor: Actor) -> None:
    row = add()
    set_enabled([row], enabled=True, trial_minutes=5, actor=actor)

    row = change_policy(row, WEB, enabled=False, actor=actor)

    assert row.trial_until is None


# --- System upgrade ------------------------------------------------------------------------------
@pytest.mark.spec("IP-5")
def test_during_an_upgrade_nothing_can_be_changed(add: Add, actor: Actor) -> None:
    row = add(enabled=True)
    switch_upgrade(on=True, actor=actor)
    code, rows = "upgrade.in-progress", Policy.objects.all()
    other = replace(WEB, name="b", destination_address="192.0.2.9")
    unsaved = Policy(group="x", name="x", key_mark="")
    unsaved.define(other)

    operations: list[Callable[[], object]] = [
        lambda: add_policy(other, preshared_key=KEY, actor=actor),
        lambda: change_policy(row, WEB, actor=actor),
        lambda: change_policy(row, WEB, enabled=False, actor=actor),
        lambda: set_enabled([row], enabled=False, actor=actor),
        lambda: delete_policies([row], actor=actor),
        row.save,
        row.delete,
        unsaved.save,
        lambda: rows.update(name="c"),
        rows.delete,
        lambda: Policy.objects.bulk_create([unsaved]),
        lambda: Policy.objects.bulk_update([row], ["name"]),
        lambda: Policy.objects.create(group="y", name="y"),
        lambda: Policy.objects.update_or_create(defaults={"name": "z"}, pk=row.pk),
    ]
    for operation in operations:
        error = refused(operation, code)
        assert "system upgrade are lost" in error.sentence

    switch_upgrade(on=False, actor=actor)
    set_enabled([row], enabled=False, actor=actor)
    assert [e.action for e in Event.objects.filter(action__startswith="upgrade:")] == [
        "upgrade:end",
        "upgrade:begin",
    ]


@pytest.mark.spec("IP-5")
def test_an_upgrade_does_not_begin_while_a_trial_runs(add: Add, actor: Actor) -> None:
    row = add()
    set_enabled([row], enabled=True, trial_minutes=5, actor=actor)
    refused(lambda: switch_upgrade(on=True, actor=actor), "policy.trial-runs")

    confirm_trial([row], actor=actor)
    assert switch_upgrade(on=True, actor=actor).upgrade_by == "test"
    assert IpsecSettings.objects.current().upgrade_in_progress


# --- Who may -------------------------------------------------------------------------------------
def test_each_operation_asks_for_its_permission(
    add: Add, nobody: Actor, person: Callable[[str], Any], actor: Actor
) -> None:
    row = add(enabled=True)
    operator = Actor("operator", person("Operator"))
    assert operator.may(Permission.OPERATE_POLICIES)
    changing: list[Callable[[Actor], object]] = [
        lambda by: add_policy(replace(WEB, name="b"), preshared_key=KEY, actor=by),
        lambda by: change_policy(row, WEB, actor=by),
        lambda by: set_enabled([row], enabled=False, actor=by),
        lambda by: delete_policies([row], actor=by),
        lambda by: switch_upgrade(on=True, actor=by),
    ]
    before = state()
    for by, operations in (
        (operator, changing),
        (nobody, [*changing, lambda by: confirm_trial([row], actor=by)]),
    ):
        for operation in operations:
            with pytest.raises(PermissionDenied):
                operation(by)
    assert state() == before


# --- Many ----------------------------------------------------------------------------------------
@pytest.mark.spec("IP-4")
def test_many_are_switched_and_deleted_with_few_queries(
    node: Node,
    actor: Actor,
    many: Callable[[int], list[Policy]],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    rows = many(200)

    with django_assert_max_num_queries(40):
        set_enabled(rows, enabled=False, actor=actor)
    with django_assert_max_num_queries(40):
        set_enabled(rows, enabled=True, actor=actor)
    with django_assert_max_num_queries(60):
        delete_policies(rows, actor=actor)
    assert not Policy.objects.exists()
