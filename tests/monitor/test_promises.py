"""What holds for every operation: no audit, no action; who may not is told so; sealed is sealed."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from pytest_django import Settings

from certificates import jobs
from certificates.access import Actor
from certificates.models import Certificate, Secret, SilenceRule
from certificates.operations import (
    acknowledge_expiry,
    add_master_key,
    add_rule,
    configure_monitor,
    remove_rule,
    request_run,
    retire_master_key,
    send_trial,
    withdraw,
)
from certificates.operations.monitoring import MonitorChange
from certificates.operations.monitoring.configure import (
    renew_webhook_key,
    smtp_password,
    switch_calendar,
)
from certificates.secrets import key_ring
from tests.conftest import NOW
from tests.test_urls import state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("MO-1")]
CHANGE = MonitorChange(
    30,
    1,
    "days",
    True,
    "a@x.example",
    smtp_host="127.0.0.1",
    smtp_port=9,
    smtp_user="u",
    smtp_password="s3cret",
    webhook_url="https://hooks.example.com/",
)
RULE = {"field": "purpose", "operator": "is", "value": "tomcat-trust", "reason": "known"}
UNTIL = NOW + timedelta(days=5)


def operations(row: Certificate, actor: Actor) -> dict[str, Callable[[], object]]:
    rule = SilenceRule.objects.get(name="there")
    return {
        "configure": lambda: configure_monitor(CHANGE, actor=actor, now=NOW),
        "test": lambda: send_trial(CHANGE, actor=actor, now=NOW),
        "acknowledge": lambda: acknowledge_expiry(
            row, until=UNTIL, reason="again", actor=actor, now=NOW
        ),
        "withdraw": lambda: withdraw(row, actor=actor, now=NOW),
        "add a rule": lambda: add_rule(name="new", **RULE, actor=actor, now=NOW),
        "remove a rule": lambda: remove_rule(rule, actor=actor),
        "calendar": lambda: switch_calendar(on=True, actor=actor),
        "webhook key": lambda: renew_webhook_key(actor=actor),
    }


NAMES = [
    "configure",
    "test",
    "acknowledge",
    "withdraw",
    "add a rule",
    "remove a rule",
    "calendar",
    "webhook key",
]


@pytest.fixture
def ready(tomcat: Certificate, actor: Actor) -> Certificate:
    acknowledge_expiry(tomcat, until=UNTIL, reason="known", actor=actor, now=NOW)
    add_rule(name="there", **RULE, actor=actor, now=NOW)
    return tomcat


@pytest.mark.parametrize("name", NAMES)
def test_no_audit_no_action(
    name: str, ready: Certificate, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(operations(ready, actor)) == NAMES

    def fail(*_: object, **__: object) -> None:
        raise OSError("the audit log can't be written")

    operation, before = operations(ready, actor)[name], state()
    with monkeypatch.context() as patched:
        patched.setattr("certificates.models.event.EventQuerySet.record_many", fail)
        with pytest.raises(OSError, match="audit"):
            operation()
    assert state() == before

    operation()
    assert state() != before


@pytest.mark.parametrize("name", [*NAMES, "run"])
@pytest.mark.spec("MN-2")
def test_who_may_not_configure_is_refused_by_the_operation(
    name: str, ready: Certificate, nobody: Actor
) -> None:
    every = operations(ready, nobody) | {"run": lambda: request_run(actor=nobody)}
    before = state()

    with pytest.raises(PermissionDenied):
        every[name]()

    assert state() == before


def test_the_secrets_are_sealed_and_wrapped_anew_by_a_rotation(
    ready: Certificate, actor: Actor, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "master.keys"
    path.write_text(key_ring().to_text())
    settings.CCXSEC_MASTER_KEYS, settings.CCXSEC_MASTER_KEY_FILE = "", path
    configure_monitor(CHANGE, actor=actor, now=NOW)
    key = Secret.objects.get(name="monitor-webhook").unseal()
    assert b"s3cret" not in bytes(Secret.objects.get(name="monitor-smtp").sealed)

    jobs.run(add_master_key(actor=actor).pk)
    retire_master_key(1, actor=actor)

    assert smtp_password() == "s3cret"
    assert Secret.objects.get(name="monitor-webhook").unseal() == key
