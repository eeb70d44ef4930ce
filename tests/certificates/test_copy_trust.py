"""Copy to node: on request only, whole or not at all, checked as an upload is (CM-14)."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import (
    Action,
    BackupReminder,
    Certificate,
    Deployment,
    Event,
    Node,
    Purpose,
    RestartNotice,
)
from certificates.operations import copy_trust
from certificates.operations.compare_trust import Stores
from certificates.operations.copy_trust import Copied, Wanted, copy_trusted, examine_copy
from certificates.operations.delete import delete_trusted, impact_of
from certificates.operations.examination import WARNINGS
from certificates.refusal import Refused
from certificates.x509.reading import read_upload
from tests.certificates import authorities
from tests.certificates.authority import Authority
from tests.certificates.conftest import Put
from tests.test_urls import state

STORE = Purpose.TOMCAT_TRUST
pytestmark = pytest.mark.spec("CM-14")


@pytest.fixture
def other(node: Node) -> Node:
    return Node.objects.create(host_name="ccx2.example.com")


def copied(target: Node, *sources: Node, confirmed: bool = True, **options: Any) -> Copied:
    """Copy what `options["chosen"]` has, or all that is missing, as an operator does."""
    now = options.get("now") or timezone.now()
    wanted = Wanted(sources, tuple(options.get("chosen", ())))
    actor = options.get("actor") or Actor("test")
    shown = options.get("shown") or examine_copy(target, STORE, wanted, now=now).shown
    by: dict[str, Any] = {"confirmed": [WARNINGS] if confirmed else [], "actor": actor, "now": now}
    return copy_trusted(target, STORE, wanted, shown=shown, **by)


def held(node: Node) -> set[str]:
    return set(node.certificates.for_purpose(STORE).values_list("fingerprint", flat=True))


def test_what_is_missing_is_copied_with_all_that_follows_a_change(
    node: Node, other: Node, put: Put, ca: Authority
) -> None:
    put(ca.root, STORE)
    RestartNotice.objects.all().delete()
    generation = Deployment.objects.place(other, STORE.service).generation

    done = copied(other, node)

    source, row = node.certificates.for_purpose(STORE).get(), done.certificates[0]
    assert bytes(row.der) == bytes(source.der)
    assert row.description == "Copied from ccx1.example.com"
    assert held(node) == held(other)
    event = Event.objects.filter(action=Action.TRUST_ADD).latest("sequence")
    assert event.object_id == str(row.pk)
    assert event.detail["copied_from"] == "ccx1.example.com"
    assert event.detail["fingerprint"] == row.fingerprint
    assert RestartNotice.objects.open().filter(service="tomcat").count() == 2
    assert "tomcat-trust of ccx2" in BackupReminder.objects.open().get().reason
    assert Deployment.objects.place(other, STORE.service).generation == generation + 1
    assert done.job is None  # nobody reaches that node


def test_the_store_of_a_node_that_is_reached_is_written(
    node: Node, other: Node, put: Put, ca: Authority
) -> None:
    put(ca.root, STORE, at=other)

    done = copied(node, other)

    assert done.job is not None
    assert done.job.target == "tomcat on ccx1.example.com"


def test_nothing_is_copied_by_itself(node: Node, other: Node, put: Put, ca: Authority) -> None:
    put(ca.root, STORE)

    assert held(other) == set()


def test_what_is_there_is_said_and_left(node: Node, other: Node, put: Put, ca: Authority) -> None:
    put(ca.root, STORE)
    put(ca.sub, STORE)
    put(ca.root, STORE, at=other)
    before = held(other)

    done = copied(other, node, chosen=sorted(held(node)))

    assert done.copying.already == 1
    assert {row.fingerprint for row in done.certificates} == held(node) - before
    before_again = state()
    again = copied(other, node, chosen=sorted(held(node)))
    assert (again.copying.already, again.certificates, again.job) == (2, (), None)
    assert state() == before_again


def test_the_other_store_of_the_node_and_the_source_are_left(
    node: Node, other: Node, put: Put, ca: Authority
) -> None:
    put(ca.root, STORE)
    put(ca.sub, "ipsec-trust")
    before = set(node.certificates.values_list("pk", flat=True))

    copied(other, node)

    assert set(node.certificates.values_list("pk", flat=True)) == before
    assert not other.certificates.for_purpose(Purpose.IPSEC_TRUST).exists()


def test_a_certificate_that_several_nodes_have_is_copied_once(
    node: Node, other: Node, put: Put, ca: Authority
) -> None:
    third = Node.objects.create(host_name="ccx3.example.com")
    for place in (node, other):
        put(ca.root, STORE, at=place)

    done = copied(third, node, other, third)

    assert len(done.certificates) == 1
    assert [str(row.node) for row in done.copying.rows] == ["ccx1.example.com"]


def test_an_expired_one_warns_and_is_confirmed(
    node: Node, other: Node, put: Put, ca: Authority
) -> None:
    put(ca.root, STORE)
    later, before = timezone.now() + timedelta(days=4000), state()

    with pytest.raises(Refused) as refusal:
        copied(other, node, now=later, confirmed=False)

    assert refusal.value.code == WARNINGS
    assert "has expired" in refusal.value.sentence
    assert state() == before
    assert copied(other, node, now=later).certificates


def add(node: Node, der: bytes) -> Certificate:
    facts = read_upload(der).certificates[0].facts
    return Certificate.objects.create_trust(node, STORE, [facts], "")[0]


def test_a_weak_one_is_refused_where_legacy_is_forbidden(
    node: Node, other: Node, settings: Settings
) -> None:

    key = rsa.generate_private_key(65537, 1024)
    weak = authorities.Authority(authorities.common_name("Weak"), key)
    add(node, weak.issue_ca("Weak", key=key, last=datetime(2036, 1, 1, tzinfo=UTC)).certificate)
    with pytest.raises(Refused, match="warnings"):
        copied(other, node, confirmed=False)

    settings.CCXSEC_ALLOW_LEGACY = False

    with pytest.raises(Refused, match="CCXSEC_ALLOW_LEGACY"):
        copied(other, node)
    assert held(other) == set()


def test_the_certificate_of_a_server_is_refused_whole(
    node: Node, other: Node, put: Put, ca: Authority, leaf: bytes
) -> None:
    put(ca.root, STORE)
    add(node, leaf)

    with pytest.raises(Refused) as refusal:
        copied(other, node)

    assert refusal.value.code == "purpose.wrong"
    assert held(other) == set()


def test_a_stale_confirmation_changes_nothing(
    node: Node, other: Node, put: Put, ca: Authority
) -> None:
    put(ca.root, STORE)
    shown = examine_copy(other, STORE, Wanted((node,)), now=timezone.now()).shown
    put(ca.sub, STORE)

    with pytest.raises(Refused) as refusal:
        copied(other, node, shown=shown)

    assert refusal.value.code == "state.changed"
    assert held(other) == set()


def test_what_is_gone_meanwhile_is_refused(
    node: Node, other: Node, put: Put, ca: Authority
) -> None:
    put(ca.root, STORE)
    chosen, now = sorted(held(node)), timezone.now()
    keys = [node.certificates.for_purpose(STORE).get().pk]
    delete_trusted(keys, shown=impact_of(keys, now=now).shown, actor=Actor("test"), now=now)

    with pytest.raises(Refused) as refusal:
        copied(other, node, chosen=chosen)

    assert refusal.value.code == "copy.unknown"


def test_who_may_not_upload_may_not_copy(
    node: Node, other: Node, put: Put, ca: Authority, nobody: Actor
) -> None:
    put(ca.root, STORE)

    with pytest.raises(PermissionDenied):
        copied(other, node, actor=nobody)
    assert held(other) == set()


@pytest.mark.parametrize(
    ("purpose", "chosen", "code"),
    [
        ("tomcat", (), "purpose.wrong"),
        ("directory-trust", (), "purpose.directory"),
        ("tomcat-trust", ("a" * 64,), "copy.unknown"),
        ("tomcat-trust", tuple(f"{n:064x}" for n in range(2001)), "copy.many"),
    ],
)
def test_what_can_not_be_copied_is_named(
    node: Node, other: Node, purpose: str, chosen: tuple[str, ...], code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        examine_copy(other, purpose, Wanted((node,), chosen), now=timezone.now())

    assert refusal.value.code == code


def test_nothing_is_copied_from_a_node_to_itself(node: Node) -> None:
    with pytest.raises(Refused) as refusal:
        examine_copy(node, STORE, Wanted((node,)), now=timezone.now())

    assert refusal.value.code == "copy.source"


def test_more_than_one_step_copies_is_said(
    node: Node, other: Node, put: Put, ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ca.root, STORE)
    put(ca.sub, STORE)
    monkeypatch.setattr(copy_trust, "MOST", 1)

    first, second = copied(other, node), copied(other, node)

    assert (first.copying.is_part, second.copying.is_part) == (True, False)
    assert held(other) == held(node)


def test_many_differences_are_walked_to_in_the_same_order(
    node: Node, other: Node, put: Put, ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for der in (ca.root, ca.sub):
        put(der, STORE)
    stores = Stores(STORE, (node, other))
    few = [row.pk for row in stores.differences(stores.differing(10))]

    monkeypatch.setattr("certificates.operations.compare_trust.FEW", 0)

    assert [row.pk for row in stores.differences(stores.differing(10))] == few
    assert len(few) == 2


def run(*words: str) -> str:
    out = StringIO()
    call_command("cert", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_compare_says_what_differs_and_its_exit_status_tells(
    node: Node, other: Node, put: Put, ca: Authority
) -> None:
    assert "No difference." in run("compare", "tomcat-trust")
    put(ca.root, STORE)

    with pytest.raises(CommandError) as stopped:
        run("compare", "tomcat-trust", "--nodes", "ccx1.example.com,ccx2.example.com")

    assert stopped.value.returncode == 1
    assert "1 certificate is not in tomcat-trust of all these nodes." in str(stopped.value)


def test_compare_as_json_has_each_node(
    node: Node, other: Node, put: Put, ca: Authority, capsys: pytest.CaptureFixture[str]
) -> None:

    put(ca.root, STORE)
    put(ca.root, STORE, at=other)
    put(ca.sub, STORE, at=other)
    out = StringIO()

    with pytest.raises(CommandError):
        call_command("cert", "compare", "tomcat-trust", "--all", "--json", stdout=out)

    answer = json.loads(out.getvalue())
    assert answer["differences"] == 1
    assert [list(one["nodes"].values()) for one in answer["certificates"]] in (
        [[True, True], [False, True]],
        [[False, True], [True, True]],
    )
    assert [one["node"] for one in answer["own"]] == ["ccx1.example.com", "ccx2.example.com"]


def test_the_command_copies_one_or_all(node: Node, other: Node, put: Put, ca: Authority) -> None:
    put(ca.root, STORE)
    put(ca.sub, STORE)
    row = node.certificates.for_purpose(STORE).first()
    assert row is not None

    to = ("--to", "ccx2.example.com", "--yes")
    said = run("copy", f"tomcat-trust/{row.fingerprint}", *to)

    assert f"tomcat-trust/{row.file_name}" in said
    assert held(other) == {row.fingerprint}
    run("copy", "tomcat-trust", "--all", *to)
    assert held(other) == held(node)
    assert "restart_required: \n" in run("copy", "tomcat-trust", "--all", *to)


@pytest.mark.parametrize("words", [("tomcat-trust",), ("tomcat-trust/Lab", "--all")])
def test_the_command_wants_one_or_all(node: Node, other: Node, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="Either one certificate"):
        run("copy", *words, "--to", "ccx2.example.com")


def test_without_an_answer_the_command_copies_nothing(
    node: Node, other: Node, put: Put, ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ca.root, STORE)
    monkeypatch.setattr("sys.stdin", StringIO("no\n"))

    with pytest.raises(CommandError, match="not answered with yes"):
        run("copy", "tomcat-trust", "--all", "--to", "ccx2.example.com")
    assert held(other) == set()
