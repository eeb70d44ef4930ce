"""The audit log: bound row by row, and to the anchor outside the database."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.test import Client
from django.utils import translation
from pytest_django import Settings

from certificates import anchor
from certificates.local_files import INSTALLATION
from certificates.models import Action, Event, Node, Secret
from certificates.operations import verify_audit
from certificates.refusal import Refused

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log() -> None:
    for number in range(6):
        with transaction.atomic():
            Event.objects.record("test", Action.NODE_CHANGE, f"object {number}")


def test_a_whole_log_is_found_whole(log: None) -> None:
    assert verify_audit().problem == ""
    assert verify_audit().events == 6
    newest = Event.objects.first()
    assert newest
    assert anchor.read() == anchor.Anchor(6, newest.code)


def change_text() -> None:
    Event.objects.filter(sequence=3).update(object_text="something else")


def change_detail() -> None:
    Event.objects.filter(sequence=3).update(detail={"x": 1})


def remove_one() -> None:
    Event.objects.filter(sequence=3).delete()


def remove_and_close_the_gap() -> None:
    Event.objects.filter(sequence=6).delete()
    Event.objects.filter(sequence=5).update(sequence=9)
    Event.objects.filter(sequence=9).update(sequence=6)


def insert_one() -> None:
    last = Event.objects.get(sequence=6)
    last.sequence = 7
    last.save(force_insert=True)


def reorder() -> None:
    for old, new in ((2, 90), (3, 2), (90, 3)):
        Event.objects.filter(sequence=old).update(sequence=new)


def cut_the_tail() -> None:
    Event.objects.filter(sequence__gt=4).delete()


def remove_everything() -> None:
    Event.objects.all().delete()


@pytest.mark.parametrize(
    "tamper",
    [
        change_text,
        change_detail,
        remove_one,
        remove_and_close_the_gap,
        insert_one,
        reorder,
        cut_the_tail,
        remove_everything,
    ],
)
def test_tampering_is_found(log: None, tamper: Callable[[], None]) -> None:
    tamper()

    assert verify_audit().problem


def test_a_log_written_anew_with_the_key_is_found_by_the_anchor(log: None) -> None:
    before = ""
    for event in Event.objects.order_by("sequence"):
        event.actor = "somebody else"
        event.code = event.expected_code(before)
        event.save()
        before = event.code

    assert "anchor" in verify_audit().problem


def test_the_anchor_never_goes_back(log: None) -> None:
    anchor.advance(2, "0" * 64)

    held = anchor.read()
    assert held
    assert held.sequence == 6


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_the_anchor_stays_with_the_user_of_the_product_when_root_acts(
    log: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(settings.CCXSEC_AUDIT_ANCHOR)
    lock = path.with_name(f"{path.name}.lock")
    lock.unlink()
    for known in (path.parent, path):
        os.chown(known, 65534, 65533)
    for above in path.parent.parents:  # that user passes on the way to it
        if not above.stat().st_mode & 0o001:
            above.chmod(0o711)
    monkeypatch.setattr(INSTALLATION, "data", path.parent)

    anchor.advance(7, "0" * 64)

    for file in (path.stat(), lock.stat()):
        assert (file.st_uid, file.st_gid, file.st_mode & 0o777) == (65534, 65533, 0o600)


def test_an_event_outside_a_transaction_is_a_bug() -> None:
    with pytest.raises(RuntimeError, match="outside the transaction"):
        Event.objects.record("test", Action.NODE_CHANGE, "x")


def test_invisible_characters_of_an_actor_are_shown(log: None) -> None:
    with transaction.atomic():
        event = Event.objects.record("a\nb\u202e", Action.NODE_CHANGE, "x\x1b[2J", note="\0")

    assert event.actor == "a\\u{a}b\\u{202e}"
    assert event.object_text == "x\\u{1b}[2J"
    assert verify_audit().problem == ""


def test_signing_in_and_failing_to_is_recorded_without_the_password(client: Client) -> None:
    User.objects.create_superuser("anna", "", "correct-horse-battery")
    before = Event.objects.count()
    form = {"username": "anna", "password": "wrong", "next": "/admin/"}
    client.post("/admin/login/", form)
    client.post("/admin/login/", form | {"username": "my-secret-password"})
    client.post("/admin/login/", form | {"password": "correct-horse-battery"})
    client.post("/admin/logout/")

    log = Event.objects.filter(sequence__gt=before).order_by("sequence")
    events = list(log.values_list("action", "actor"))
    assert events == [
        ("session:sign-in-failed", "anna, 127.0.0.1"),
        ("session:sign-in-failed", "unknown user name, 127.0.0.1"),
        ("session:sign-in", "anna, 127.0.0.1"),
        ("session:sign-out", "anna, 127.0.0.1"),
    ]


def test_users_and_groups_are_audited_whoever_changes_them(client: Client) -> None:
    boss = User.objects.create_superuser("root", "", "correct-horse-battery")
    client.force_login(boss)
    form = {"username": "new", "usable_password": "true"}
    form |= {"password1": "correct-horse-battery", "password2": "correct-horse-battery"}
    client.post("/admin/auth/user/add/", form)
    user = User.objects.get(username="new")
    renewed = {"password1": "battery-horse-correct", "password2": "battery-horse-correct"}
    client.post(f"/admin/auth/user/{user.pk}/password/", renewed | {"usable_password": "true"})
    user.groups.add(Group.objects.create(name="Night shift"))
    own = {"old_password": "correct-horse-battery"}
    own |= {"new_password1": "battery-horse-correct", "new_password2": "battery-horse-correct"}
    client.post("/admin/password_change/", own)
    client.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"})

    events = Event.objects.order_by("sequence").values_list("action", "object_text", "actor")
    seen = [(action, text, actor.partition(",")[0]) for action, text, actor in events]
    assert seen == [
        ("user:add", "root", "command line"),
        ("session:sign-in", "root", "root"),
        ("user:add", "new", "root"),
        ("user:change", "new", "root"),
        ("group:add", "Night shift", "command line"),
        ("user:change", "new", "command line"),
        ("user:change", "root", "root"),
        ("user:delete", "new", "root"),
    ]
    assert not User.objects.filter(pk=user.pk).exists()


def test_the_log_is_english_whatever_the_language_of_who_acts() -> None:
    group = Group.objects.create(name="Night shift")
    with translation.override("ja"):
        group.permissions.add(Permission.objects.get(codename="view_certificate"))

    changed = Event.objects.latest("sequence")
    assert changed.detail == {"change": "add Security | certificate | Can view certificate"}


@pytest.mark.parametrize("tamper", [cut_the_tail, remove_everything])
def test_what_was_cut_stays_missing_whatever_happens_later(
    log: None, tamper: Callable[[], None]
) -> None:
    tamper()
    Secret.objects.filter(name="audit").delete() if tamper is remove_everything else None
    for number in range(20):
        with transaction.atomic():
            Event.objects.record("test", Action.NODE_CHANGE, f"later {number}")

    assert verify_audit().problem


def test_an_anchor_that_cannot_be_read_stops_every_change(
    log: None, client: Client, settings: Settings
) -> None:
    Path(settings.CCXSEC_AUDIT_ANCHOR).write_text("")

    with pytest.raises(Refused, match="anchor") as refusal, transaction.atomic():
        Event.objects.record("test", Action.NODE_CHANGE, "x")
    User.objects.bulk_create([User(username="anna", is_staff=True, password=make_password("p"))])
    answer = client.post("/admin/login/", {"username": "anna", "password": "p"})

    assert refusal.value.code == "audit.anchor"
    assert answer.status_code == 503
    assert "can&#x27;t be read" in answer.content.decode()
    assert "can't be read" in verify_audit().problem


def test_a_change_that_is_done_is_not_undone_by_an_anchor_that_lags(
    log: None, monkeypatch: pytest.MonkeyPatch, as_role: Callable[..., Client], node: Node
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(anchor, "advance", full)
    with transaction.atomic():
        Event.objects.record("test", Action.NODE_CHANGE, "x")
    page = as_role("Auditor").get("/admin/").content.decode()

    assert Event.objects.filter(object_text="x").exists()
    assert "is behind the log" in page


def test_the_auditor_verifies_on_the_screen(as_role: Callable[..., Client], node: Node) -> None:
    page = as_role("Auditor").get("/admin/certificates/event/verify/").content.decode()
    Event.objects.filter(sequence=2).delete()
    after = as_role("Auditor").get("/admin/certificates/event/verify/").content.decode()

    assert "as they were written" in page
    assert "Event 2 is missing" in after
