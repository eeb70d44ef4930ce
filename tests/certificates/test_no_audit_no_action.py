"""An operation whose event can't be written changes nothing: CSRs, uploads, roll-back, deletion."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from certificates.access import Actor
from certificates.models import Certificate, Node, Purpose, Service
from certificates.operations import keep_host_key, save_place, save_reach
from certificates.operations.copy_trust import Wanted, copy_trusted, examine_copy
from certificates.operations.delete import delete_trusted, impact_of
from certificates.operations.import_many import import_trusted
from certificates.operations.reach import Place
from certificates.operations.request import (
    PENDING,
    cancel_request,
    note_download,
    reopen_request,
)
from certificates.operations.roll_back import examine_roll_back, roll_back
from tests.certificates.authority import Authority
from tests.certificates.conftest import Ask, Put
from tests.no_audit import assert_no_audit_no_action

NAMES = [
    "generate",
    "cancel",
    "reopen",
    "download",
    "install",
    "trust",
    "roll back",
    "delete",
    "import",
    "copy",
    "reach",
    "place",
    "keep key",
]


@pytest.fixture
def operations(
    node: Node, actor: Actor, ask: Ask, put: Put, ca: Authority, other_ca: Authority
) -> dict[str, Callable[[], object]]:
    """Each of them, ready to be run."""
    put(ca.pkcs7(ca.sign(ask(Purpose.IPSEC).pem), ca.sub), "ipsec")
    cancelled = ask()
    cancel_request(cancelled, actor=actor, now=timezone.now())
    pending, now = ask(), timezone.now()
    answer = ca.pkcs7(ca.sign(pending.pem), ca.sub)
    sub, store = Certificate.objects.trust().get().pk, Purpose.TOMCAT_TRUST
    back = examine_roll_back(node, "ipsec", now=now).shown
    gone = impact_of([sub], now=now).shown
    by = {"actor": actor, "now": now}
    other = Node.objects.create(host_name="ccx2.example.com", host_key_alarm="SHA256:other")
    put(other_ca.root, "ipsec-trust", at=other)
    wanted = Wanted((other,))
    seen = examine_copy(node, "ipsec-trust", wanted, now=now).shown
    return {
        "generate": lambda: ask(replacing=[pending.pk], confirmed=[PENDING]),
        "cancel": lambda: cancel_request(pending, **by),
        "reopen": lambda: reopen_request(
            cancelled, replacing=[pending.pk], confirmed=[PENDING], **by
        ),
        "download": lambda: note_download(pending, **by),
        "install": lambda: put(answer),
        "trust": lambda: put(other_ca.root, store),
        "roll back": lambda: roll_back(node, "ipsec", shown=back, **by),
        "delete": lambda: delete_trusted([sub], shown=gone, **by),
        "import": lambda: list(import_trusted(node, store, [("a", ca.root)], **by)),
        "copy": lambda: copy_trusted(node, "ipsec-trust", wanted, shown=seen, **by),
        "reach": lambda: save_reach(
            other, reach="ssh", ssh_user="ops", password="secret", actor=actor
        ),
        "place": lambda: save_place(
            other, Service.TOMCAT, Place(restart_command="/bin/true"), actor=actor
        ),
        "keep key": lambda: keep_host_key(other, actor=actor),
    }


@pytest.mark.parametrize("name", NAMES)
def test_no_audit_no_action(
    name: str, operations: dict[str, Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(operations) == NAMES

    assert_no_audit_no_action(operations[name], monkeypatch)
