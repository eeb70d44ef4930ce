"""Promises that hold for every operation and every page: no audit, no action; no key is shown."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from certificates import web_server
from certificates.access import Actor
from certificates.models import (
    BackupLock,
    BackupReminder,
    Certificate,
    Job,
    Node,
    Purpose,
    RestartNotice,
)
from certificates.operations import (
    acknowledge_backup,
    acknowledge_restart,
    add_master_key,
    cancel_job,
    generate,
    request_restart,
    retire_master_key,
    save_node,
    set_backups,
)
from certificates.operations.backup.schedule import Choice
from certificates.secrets import key_ring
from certificates.web_server import Running
from tests.test_urls import Keys, address, expected, rows, state

__all__ = ["rows"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def key_file(settings: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "master.keys"
    ring = key_ring().with_new_key()
    path.write_text(ring.to_text())
    settings.CCXSEC_MASTER_KEYS = ""
    settings.CCXSEC_MASTER_KEY_FILE = path
    return path


def operations(node: Node, actor: Actor) -> dict[str, Callable[[], object]]:
    now = timezone.now()
    notice, job = RestartNotice.objects.get(), Job.objects.filter(state="queued").first()
    current = node.certificates.active().get(purpose="tomcat")
    backups = Choice(BackupLock.PASSPHRASE, passphrase="four words and a number")
    assert job
    return {
        "generate": lambda: generate(
            node,
            Purpose.TOMCAT,
            key="ec-p256",
            replacing=current.fingerprint,
            actor=actor,
            now=now,
        ),
        "add a node": lambda: save_node(Node(), host_name="new.example.com", actor=actor),
        "edit a node": lambda: save_node(node, host_name="renamed.example.com", actor=actor),
        "restart": lambda: request_restart(notice, actor=actor),
        "acknowledge a restart": lambda: acknowledge_restart(notice, actor=actor, now=now),
        "acknowledge a backup": lambda: acknowledge_backup(actor=actor, now=now),
        "set how backups are made": lambda: set_backups(backups, actor=actor),
        "cancel a job": lambda: cancel_job(job, actor=actor, now=now),
        "add a master key": lambda: add_master_key(actor=actor),
        "retire a master key": lambda: retire_master_key(1, actor=actor),
    }


NAMES = [
    "generate",
    "add a node",
    "edit a node",
    "restart",
    "acknowledge a restart",
    "acknowledge a backup",
    "set how backups are made",
    "cancel a job",
    "add a master key",
    "retire a master key",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_audit_no_action(
    name: str, node: Node, actor: Actor, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    RestartNotice.objects.create(node=node, service="tomcat", opened_at=timezone.now())
    BackupReminder.objects.remind("test", timezone.now())
    monkeypatch.setattr(web_server, "running", lambda: Running(1, "127.0.0.1", 1))
    operation = operations(node, actor)[name]
    assert list(operations(node, actor)) == NAMES

    def fail(*_: object, **__: object) -> None:
        raise OSError("the audit log can't be written")

    if name == "retire a master key":  # only what nothing needs may go
        monkeypatch.setattr("certificates.operations.rotate._sealed_rows", lambda: iter(()))
    before, keys = state(), key_file.read_text()
    monkeypatch.setattr("certificates.models.event.EventQuerySet.record_many", fail)
    with pytest.raises(OSError, match="audit"):
        operation()

    assert state() == before
    assert key_file.read_text() == keys


def test_no_page_and_no_download_holds_a_byte_of_a_private_key(
    rows: Keys, as_role: Callable[..., Client], tomcat: Certificate
) -> None:
    key = tomcat.unseal_key(actor="test", reason="test")
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    secret = plain[36:60]  # inside the private value of a P-256 key in PKCS#8
    forms = [secret, secret.hex().encode(), base64.b64encode(secret), secret.hex(":").encode()]
    forms += [form.upper() for form in forms[1:2] + forms[3:]]
    assert tomcat.private_key
    sealed = bytes(tomcat.private_key.sealed)[40:60]
    forms += [sealed, sealed.hex().encode(), base64.b64encode(sealed)]
    client = as_role("Security administrator")

    for route, method in expected():
        response = client.get(address(route, rows)) if method == "GET" else None
        if response is None:
            continue
        body = b"".join(response.streaming_content) if response.streaming else response.content
        assert not [form for form in forms if form in body], route
