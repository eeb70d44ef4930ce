"""An operation on policies whose event can't be written changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from certificates.access import Actor
from ipsec.operations import (
    add_policy,
    change_policy,
    confirm_trial,
    delete_policies,
    end_trials,
    export_peer,
    request_connect,
    request_diagnose,
    set_enabled,
    switch_upgrade,
)
from ipsec.policy.choices import Hash, Protocol
from tests.ipsec.conftest import KEY, WEB, Add
from tests.no_audit import assert_no_audit_no_action

pytestmark = [pytest.mark.django_db, pytest.mark.spec("IP-2", "IP-3")]
NAMES = [
    "add",
    "change",
    "change with the pair",
    "enable",
    "disable",
    "delete",
    "confirm",
    "way back",
    "begin an upgrade",
    "end an upgrade",
    "connect",
    "diagnose",
    "export",
]


@pytest.fixture
def operations(name: str, add: Add, actor: Actor) -> dict[str, Callable[[], object]]:
    """Each of them, ready to be run."""
    there = {"destination_address": "192.0.2.9"}
    off, on = add("off", protocol=Protocol.TCP), add("on", enabled=True, **there)
    add("udp", protocol=Protocol.UDP)
    trial = add("trial", destination_address="192.0.2.10")
    if name != "begin an upgrade":
        set_enabled([trial], enabled=True, trial_minutes=5, actor=actor)
    if name == "end an upgrade":
        confirm_trial([trial], actor=actor)
        switch_upgrade(on=True, actor=actor)
    changed = replace(off.definition, hash=Hash.SHA512)
    short = replace(off.definition, phase_two_life_time=60)
    new = replace(WEB, name="new", destination_address="192.0.2.11")
    later = timezone.now() + timedelta(minutes=6)
    return {
        "add": lambda: add_policy(new, preshared_key=KEY, actor=actor),
        "change": lambda: change_policy(off, short, preshared_key=KEY, actor=actor),
        "change with the pair": lambda: change_policy(off, changed, with_pair=True, actor=actor),
        "enable": lambda: set_enabled([off], enabled=True, actor=actor),
        "disable": lambda: set_enabled([on], enabled=False, actor=actor),
        "delete": lambda: delete_policies([off, on], actor=actor),
        "confirm": lambda: confirm_trial([trial], actor=actor),
        "way back": lambda: end_trials(now=later),
        "begin an upgrade": lambda: switch_upgrade(on=True, actor=actor),
        "end an upgrade": lambda: switch_upgrade(on=False, actor=actor),
        "connect": lambda: request_connect(on, actor=actor),
        "diagnose": lambda: request_diagnose(on, actor=actor),
        "export": lambda: export_peer([on], form="json", actor=actor),
    }


@pytest.mark.parametrize("name", NAMES)
def test_no_audit_no_action(
    name: str, operations: dict[str, Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(operations) == NAMES

    assert_no_audit_no_action(operations[name], monkeypatch)
