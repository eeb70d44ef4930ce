"""Policies are added and changed; what is refused changes nothing."""

import logging
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import Event, Job, Node, Secret
from ipsec.models import Policy, key_secret
from ipsec.operations import (
    PolicyRefused,
    add_policy,
    change_policy,
    delete_policies,
    examine,
    set_enabled,
    warnings,
)
from ipsec.policy.choices import Authentication, DhGroup, Encryption, Hash, Protocol
from tests.ipsec.changes import NAMED, OTHER_KEY, TCP, actions, applies, refused
from tests.ipsec.conftest import KEY, LEGACY, WEB, Add

pytestmark = [pytest.mark.django_db, pytest.mark.spec("IP-2")]


# --- Add -----------------------------------------------------------------------------------------
@pytest.mark.spec("IP-1")
def test_a_policy_is_kept_as_it_was_defined(add: Add) -> None:
    row = Policy.objects.get(pk=add(**TCP).pk)

    assert row.definition == replace(WEB, **TCP)
    assert not row.is_enabled
    assert row.unsealed_key() == KEY
    event = Event.objects.get(action="policy:add")
    assert (event.actor, event.object_text) == ("test", "web/a")
    assert event.detail["protocol"] == "TCP"
    assert applies() == 0


@pytest.mark.spec("IP-3")
def test_an_enabled_one_is_applied(add: Add) -> None:
    assert add(enabled=True).is_enabled
    assert applies() == 1


def test_a_key_is_nowhere_in_the_clear(
    add: Add, actor: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    row = add(enabled=True)
    row = change_policy(row, row.definition, preshared_key=OTHER_KEY, actor=actor)
    row.refresh_from_db()

    said = repr(vars(row)) + str(row) + repr(row.definition) + caplog.text
    said += repr(list(Event.objects.values())) + repr(list(Job.objects.values()))
    sealed = bytes(Secret.objects.get(name=key_secret(row.pk)).sealed)
    assert row.unsealed_key() == OTHER_KEY
    for key in (KEY, OTHER_KEY):
        assert key not in said
        assert key.encode() not in sealed
    assert Event.objects.get(action="policy:change").detail["preshared_key"] == "set"


BROKEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "group": ({"group": "a b"}, "group", "policy.name"),
    "name": ({"name": ""}, "name", "policy.name"),
    "same host": ({"destination_address": "192.0.2.1"}, "destination_address", "policy.same-host"),
    "port": ({"source_port": 65_536}, "source_port", "policy.port"),
    "life time": ({"phase_one_life_time": 59}, "phase_one_life_time", "policy.life-time"),
    "group off": ({"phase_one_dh": DhGroup.OFF}, "phase_one_dh", "policy.dh"),
    "peer's certificate": (NAMED, "certificate_name", "policy.peer-certificate"),
}


@pytest.mark.parametrize(("fields", "field", "code"), [*BROKEN.values()], ids=[*BROKEN])
def test_what_is_wrong_is_refused_at_its_field(
    node: Node, actor: Actor, fields: dict[str, Any], field: str, code: str
) -> None:
    definition = replace(WEB, **fields)
    key = "" if fields is NAMED else KEY

    error = refused(lambda: add_policy(definition, preshared_key=key, actor=actor), code)

    assert isinstance(error, PolicyRefused)
    assert [fault.field for fault in error.faults] == [field]


@pytest.mark.parametrize("key", ["xqz-7", "with blank 1", "a" * 129, "schlüssel-1"])
def test_a_bad_key_is_refused_and_not_told(node: Node, actor: Actor, key: str) -> None:
    error = refused(lambda: add_policy(WEB, preshared_key=key, actor=actor), "policy.key")

    assert key not in str(error) + repr(error)


def test_a_key_is_needed_with_keys_and_refused_with_certificates(node: Node, actor: Actor) -> None:
    by_certificate = replace(WEB, authentication=Authentication.CERTIFICATE)

    refused(lambda: add_policy(WEB, actor=actor), "policy.key")
    refused(lambda: add_policy(by_certificate, preshared_key=KEY, actor=actor), "policy.key")
    assert not add_policy(by_certificate, actor=actor).key_mark


def test_all_that_is_wrong_is_told_at_once(node: Node, actor: Actor) -> None:
    definition = replace(WEB, group="", source_port=-1, phase_two_life_time=0)

    error = refused(lambda: add_policy(definition, preshared_key="x", actor=actor), "policy.name")

    assert isinstance(error, PolicyRefused)
    assert [fault.field for fault in error.faults] == [
        "group",
        "source_port",
        "phase_two_life_time",
        "preshared_key",
    ]
    assert all(fault.sentence in str(error) for fault in error.faults)


def test_a_name_and_a_traffic_are_taken_once(add: Add) -> None:
    add(**TCP)

    refused(lambda: add(**TCP), "policy.taken")
    refused(lambda: add(**TCP, destination_address="192.0.2.9"), "policy.taken")
    refused(lambda: add("b", **TCP), "policy.duplicate")


# --- Legacy and overlaps -------------------------------------------------------------------------
def test_weak_choices_are_confirmed_once(node: Node, actor: Actor) -> None:
    weak = replace(WEB, **LEGACY)
    error = refused(lambda: add_policy(weak, preshared_key=KEY, actor=actor), "confirm.legacy")
    assert "3DES" in error.sentence

    row = add_policy(weak, preshared_key=KEY, confirmed=["confirm.legacy"], actor=actor)
    assert warnings(replace(weak, phase_two_life_time=60), row) == {}
    assert "confirm.legacy" in warnings(replace(weak, encryption=Encryption.DES), row)


def test_the_setting_forbids_weak_choices_everywhere(
    add: Add, actor: Actor, settings: Settings
) -> None:
    row = add(**LEGACY)
    settings.CCXSEC_ALLOW_LEGACY = False
    everything = {"confirm.legacy", "confirm.overlap"}
    other = replace(row.definition, name="b", destination_address="192.0.2.9")

    assert {fault.code for fault in examine(other, preshared_key=KEY)} == {"policy.legacy"}
    refused(
        lambda: add_policy(other, preshared_key=KEY, confirmed=everything, actor=actor),
        "policy.legacy",
    )
    refused(lambda: change_policy(row, row.definition, actor=actor), "policy.legacy")
    error = refused(lambda: set_enabled([row], enabled=True, actor=actor), "policy.legacy")
    assert error.sentence.startswith("web/a: ")


def test_overlaps_are_confirmed_once(add: Add, actor: Actor) -> None:
    add()
    narrow = replace(WEB, name="b", **TCP)

    error = refused(lambda: add_policy(narrow, actor=actor), "confirm.overlap")
    assert "web/a" in error.sentence
    row = add_policy(narrow, confirmed=["confirm.overlap"], actor=actor)
    assert warnings(replace(narrow, phase_two_life_time=60), row) == {}


# --- Change --------------------------------------------------------------------------------------
def test_what_changes_is_told_field_by_field(add: Add, actor: Actor) -> None:
    row = add()

    changed = change_policy(row, replace(WEB, phase_two_dh=DhGroup.OFF), actor=actor)

    assert (changed.revision, changed.changed_by) == (2, "test")
    event = Event.objects.get(action="policy:change")
    assert event.detail == {"phase_two_dh": "20 (ECP 384) -> Off", "enabled": False}
    assert applies() == 0


def test_a_kept_key_stays(add: Add, actor: Actor) -> None:
    row = add()
    mark = row.key_mark

    row = change_policy(row, replace(WEB, phase_two_life_time=60), actor=actor)
    assert (row.unsealed_key(), row.key_mark) == (KEY, mark)

    row = change_policy(row, row.definition, preshared_key=OTHER_KEY, actor=actor)
    assert row.unsealed_key() == OTHER_KEY
    assert row.key_mark != mark


def test_a_key_that_is_not_used_any_more_is_forgotten(add: Add, actor: Actor) -> None:
    row = add()
    definition = replace(WEB, authentication=Authentication.CERTIFICATE)

    row = change_policy(row, definition, actor=actor)

    assert (row.key_mark, row.unsealed_key()) == ("", "")
    assert not Secret.objects.filter(name=key_secret(row.pk)).exists()
    refused(lambda: change_policy(row, WEB, actor=actor), "policy.key")


def test_who_saves_later_is_told(add: Add, actor: Actor) -> None:
    row = add()
    seen = row.revision
    change_policy(row, replace(WEB, phase_two_life_time=60), revision=seen, actor=actor)

    late = replace(WEB, phase_two_life_time=99)
    refused(lambda: change_policy(row, late, revision=seen, actor=actor), "policy.changed")
    delete_policies([row], actor=actor)
    refused(lambda: change_policy(row, late, revision=seen, actor=actor), "policy.gone")


@pytest.mark.spec("IP-3")
@pytest.mark.parametrize("before", [False, True], ids=["disabled", "enabled"])
def test_the_check_box_alone_is_told_as_that(add: Add, actor: Actor, before: bool) -> None:
    row = add(enabled=before)

    row = change_policy(row, row.definition, enabled=not before, actor=actor)

    assert row.is_enabled is not before
    assert actions() == ["add", "disable" if before else "enable"]
    assert applies() == 1


# --- The pair ------------------------------------------------------------------------------------
def test_a_second_policy_of_a_pair_takes_its_key(add: Add, actor: Actor) -> None:
    first = add(**TCP)
    second = add("b", key="", destination_port=80, protocol=Protocol.TCP)
    third = add("c", key=KEY, destination_port=81, protocol=Protocol.TCP)

    assert second.unsealed_key() == third.unsealed_key() == KEY
    assert first.key_mark == second.key_mark == third.key_mark
    other = replace(WEB, name="d", protocol=Protocol.UDP)
    error = refused(lambda: add_policy(other, preshared_key=OTHER_KEY, actor=actor), "policy.pair")
    assert "web/a" in error.sentence
    assert OTHER_KEY not in str(error)


def test_a_pair_that_disagrees_is_refused_and_follows_on_demand(add: Add, actor: Actor) -> None:
    first, second = add(**TCP), add("b", protocol=Protocol.UDP)
    wanted = replace(second.definition, hash=Hash.SHA512)
    error = refused(lambda: change_policy(second, wanted, actor=actor), "policy.pair")
    assert "Hash Algorithm" in error.sentence
    assert "web/a" in error.sentence

    change_policy(second, wanted, with_pair=True, preshared_key=OTHER_KEY, actor=actor)

    first.refresh_from_db()
    second.refresh_from_db()
    assert first.hash == second.hash == Hash.SHA512
    assert first.destination_port == 443
    assert first.unsealed_key() == second.unsealed_key() == OTHER_KEY
    assert first.key_mark == second.key_mark
    told = Event.objects.get(action="policy:change", object_text="web/a").detail
    assert told == {
        "hash": "SHA-384 -> SHA-512",
        "preshared_key": "set",
        "followed": "web/b",
    }


def test_a_pair_that_follows_can_leave_its_keys(add: Add, actor: Actor) -> None:
    first, second = add(**TCP), add("b", protocol=Protocol.UDP)
    wanted = replace(second.definition, authentication=Authentication.CERTIFICATE)

    change_policy(second, wanted, with_pair=True, actor=actor)

    first.refresh_from_db()
    assert (first.authentication, first.key_mark) == (Authentication.CERTIFICATE, "")
    assert not Secret.objects.filter(name__startswith="ipsec-key:").exists()


def test_a_policy_that_moves_to_another_pair_agrees_there(add: Add, actor: Actor) -> None:
    there = add("there", destination_address="192.0.2.9", key=OTHER_KEY, **TCP)
    here = add("here")
    moved = replace(here.definition, destination_address="192.0.2.9", protocol=Protocol.UDP)

    refused(lambda: change_policy(here, moved, actor=actor), "policy.pair")
    row = change_policy(here, moved, preshared_key=OTHER_KEY, actor=actor)

    assert (row.unsealed_key(), row.key_mark) == (OTHER_KEY, there.key_mark)


def test_swapped_hosts_are_refused(add: Add, actor: Actor) -> None:
    add()
    swapped = replace(
        WEB, name="b", source_address=WEB.destination_address,
        destination_address=WEB.source_address,
    )  # fmt: skip

    refused(lambda: add_policy(swapped, preshared_key=KEY, actor=actor), "policy.swapped")
