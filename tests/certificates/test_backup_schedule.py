"""Backups by the button and by the clock: what is due, what came of it, what stays (CM-10)."""

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from ccxsec_project.dashboard import attention
from certificates import jobs
from certificates.access import Actor
from certificates.backup_format.keys import Passphrase, new_identity
from certificates.models import (
    BackupLock,
    BackupReminder,
    BackupSettings,
    Event,
    Job,
    JobState,
    Node,
    Secret,
)
from certificates.operations import (
    begin_due_backup,
    note_download,
    request_backup,
    set_backups,
    verify_backup,
)
from certificates.operations.backup.folder import name_of
from certificates.operations.backup.schedule import PASSPHRASE, Choice
from certificates.operations.backup.tables import LEFT_OUT, tables_of
from certificates.refusal import Refused
from certificates.tasks import upkeep
from tests.conftest import NOW

pytestmark = [pytest.mark.spec("CM-10"), pytest.mark.django_db(transaction=True)]
IDENTITY = new_identity()
INDEXES = ("certificates_search", "certificates_digits")
WORDS = "sentinel words of a passphrase"
DAILY = Choice(BackupLock.RECIPIENT, recipient=str(IDENTITY.recipient), every_hours=24, kept=3)


@pytest.fixture
def folder(settings: Settings, node: Node) -> Path:
    """Where backups go when nothing was chosen."""
    return Path(settings.CCXSEC_DATA) / "backups"


def run(row: Job | None) -> Job:
    assert row
    ended = jobs.run(row.pk)
    assert ended
    return ended


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_button_makes_one_that_the_recipient_opens(
    folder: Path, actor: Actor, node: Node
) -> None:
    BackupReminder.objects.remind("tomcat", NOW)
    set_backups(DAILY, actor=actor)

    ended = run(request_backup(actor=actor))

    assert (ended.state, "read back" in ended.messages[-1]) == (JobState.DONE, True)
    (name,) = names(folder)
    assert name.startswith(f"{node.host_name}-2")
    with (folder / name).open("rb") as file:
        assert verify_backup(file, IDENTITY).problems == []
    made = Event.objects.get(action="backup:create")
    assert (made.object_text, made.detail["size"]) == (name, (folder / name).stat().st_size)
    assert not BackupReminder.objects.open().exists()
    row = BackupSettings.objects.current()
    assert (row.succeeded, name in row.result) == (True, True)
    assert (folder / name).stat().st_mode & 0o777 == 0o600


def test_a_second_press_is_the_same_job(folder: Path, actor: Actor) -> None:
    set_backups(DAILY, actor=actor)

    assert request_backup(actor=actor).pk == request_backup(actor=actor).pk


def test_the_passphrase_is_sealed_and_nowhere_else(folder: Path, actor: Actor) -> None:
    set_backups(Choice(BackupLock.PASSPHRASE, passphrase=WORDS), actor=actor)
    request_backup(actor=actor)
    row = Job.objects.get(kind="backup")
    told = json.dumps([row.arguments, row.target, row.started_by])
    told += "".join(message.payload for message in OrmQ.objects.all())
    run(row)

    events = json.dumps(list(Event.objects.values_list("detail", "object_text", "actor")))
    kept = json.dumps(list(BackupSettings.objects.values("result", "recipient", "folder")))
    assert WORDS not in told + events + kept + repr(Choice(BackupLock.PASSPHRASE, passphrase=WORDS))
    assert WORDS.encode() not in bytes(Secret.objects.get(name=PASSPHRASE).sealed)
    with next(folder.iterdir()).open("rb") as file:
        assert verify_backup(file, Passphrase(WORDS)).problems == []


def test_the_sealed_passphrase_goes_with_the_choice_of_a_recipient(
    folder: Path, actor: Actor
) -> None:
    set_backups(Choice(BackupLock.PASSPHRASE, passphrase=WORDS), actor=actor)
    set_backups(Choice(BackupLock.PASSPHRASE, kept=5), actor=actor)  # the passphrase stays
    assert Secret.objects.filter(name=PASSPHRASE).exists()

    set_backups(DAILY, actor=actor)

    assert not Secret.objects.filter(name=PASSPHRASE).exists()


def due(now: datetime) -> bool:
    """Whether a run begins; it ends at once."""
    row = begin_due_backup(now=now)
    if row:
        Job.objects.filter(pk=row.pk).update(state=JobState.DONE)
    return row is not None


def test_it_is_due_by_its_row_and_missed_ones_are_one(folder: Path, actor: Actor) -> None:
    assert not due(NOW)  # nothing is chosen
    set_backups(DAILY, actor=actor)
    hour = timedelta(hours=1)

    at = [NOW, NOW + hour, NOW + 23 * hour, NOW + 24 * hour, NOW + 25 * hour, NOW + 240 * hour]
    begun = [due(moment) for moment in at]

    assert begun == [True, False, False, True, False, True]
    assert not due(at[-1] + hour)


def test_a_clock_that_jumps_costs_one_backup_and_stops_none(folder: Path, actor: Actor) -> None:
    set_backups(DAILY, actor=actor)
    day, minute = timedelta(days=1), timedelta(minutes=1)

    assert due(NOW)
    assert due(NOW + 10 * day)  # forward
    assert due(NOW + minute)  # and back
    assert not due(NOW + 2 * minute)
    assert due(NOW + day + minute)


def test_none_begins_while_one_is_under_way(folder: Path, actor: Actor) -> None:
    set_backups(DAILY, actor=actor)
    request_backup(actor=actor)

    assert begin_due_backup(now=NOW) is None
    Job.objects.update(state=JobState.DONE)
    assert begin_due_backup(now=NOW) is not None


def test_a_run_is_taken_once(folder: Path, actor: Actor) -> None:
    set_backups(DAILY, actor=actor)
    seen = BackupSettings.objects.current()

    assert [BackupSettings.objects.claim(seen, NOW) for _ in range(2)] == [True, False]


def test_upkeep_begins_it(folder: Path, actor: Actor) -> None:
    set_backups(DAILY, actor=actor)

    upkeep()

    assert Job.objects.get(kind="backup").started_by == "schedule"


def test_retention_removes_the_oldest_of_our_own_and_nothing_else(
    folder: Path, actor: Actor, node: Node
) -> None:
    folder.mkdir()
    old = [name_of(node.host_name, NOW - timedelta(days=days)) for days in range(300, 306)]
    kept = [
        name_of("other.example.com", NOW - timedelta(days=900)),
        f"{node.host_name}-20010101T000000Z.ccxsec-backup.old",
        f"x{node.host_name}-notes.txt",
        "database.sql",
    ]
    for name in [*old, *kept]:
        (folder / name).write_bytes(b"x")
    (folder / f"{node.host_name}-20020101T000000Z.ccxsec-backup").mkdir()
    set_backups(DAILY, actor=actor)

    ended = run(request_backup(actor=actor))

    left = names(folder)
    ours = [name for name in left if name.startswith(f"{node.host_name}-2") and "Z.c" in name]
    assert "4 older ones were removed" in ended.messages[-1]
    assert set(kept) < set(left)
    assert set(old[:2]) < set(ours)
    assert not set(old[2:]) & set(left)
    assert Event.objects.filter(action="backup:remove").count() == 4


def test_the_newest_stays_when_the_clock_says_it_is_the_oldest(
    folder: Path, actor: Actor, node: Node
) -> None:
    folder.mkdir()
    for days in range(5):
        future = name_of(node.host_name, timezone.now() + timedelta(days=9 + days))
        (folder / future).write_bytes(b"x")
    set_backups(DAILY, actor=actor)

    run(request_backup(actor=actor))

    (made,) = Event.objects.filter(action="backup:create").values_list("object_text", flat=True)
    assert made in names(folder)
    assert len(names(folder)) == 3


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.rmdir(), "is not there"),
        (lambda path: (path.rmdir(), path.write_text("")), "is not there"),
        (lambda path: (path.rmdir(), path.symlink_to("/proc/self")), "can't be written"),
    ],
    ids=["gone", "a file", "closed"],
)
def test_a_run_that_cannot_write_fails_with_a_sentence_and_stays_visible(
    node: Node, actor: Actor, tmp_path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    BackupReminder.objects.remind("tomcat", NOW)
    set_backups(
        Choice(BackupLock.RECIPIENT, str(IDENTITY.recipient), folder=str(place)), actor=actor
    )
    spoil(place)

    ended = run(request_backup(actor=actor))

    assert (ended.state, words in ended.messages[-1]) == (JobState.FAILED, True)
    told = [item.sentence for item in attention(actor)]
    assert [s for s in told if s.startswith("The last backup failed") and words in s]
    assert BackupReminder.objects.open().exists()
    assert not Event.objects.filter(action="backup:create").exists()


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a file system of 4 KiB")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_a_failed_job_and_no_file(node: Node, actor: Actor, full_disk: Path) -> None:
    lock = Choice(BackupLock.RECIPIENT, str(IDENTITY.recipient), folder=str(full_disk))
    set_backups(lock, actor=actor)

    ended = run(request_backup(actor=actor))

    assert ended.state == JobState.FAILED
    assert "No space left on device" in ended.messages[-1]
    assert names(full_disk) == []
    assert not BackupSettings.objects.current().succeeded


def test_without_its_event_there_is_no_backup(
    folder: Path, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_backups(DAILY, actor=actor)
    BackupReminder.objects.remind("tomcat", NOW)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the audit log can't be written")

    row = request_backup(actor=actor)
    monkeypatch.setattr("certificates.models.event.EventQuerySet.record_many", fail)
    with pytest.raises(RuntimeError, match="audit"):
        jobs.run(row.pk)

    assert names(folder) == []
    assert BackupReminder.objects.open().exists()


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        (Choice(""), "backup.lock-missing"),
        (Choice("both"), "backup.lock-missing"),
        (Choice(BackupLock.RECIPIENT, recipient="ssh-rsa AAAA"), "backup.recipient"),
        (Choice(BackupLock.PASSPHRASE), "backup.passphrase-missing"),
        (Choice(BackupLock.PASSPHRASE, passphrase="short"), "backup.passphrase-short"),
        (Choice(BackupLock.PASSPHRASE, passphrase=WORDS, folder="relative"), "backup.folder"),
        (
            Choice(BackupLock.PASSPHRASE, passphrase=WORDS, folder="/nowhere/at/all"),
            "backup.folder",
        ),
        (Choice(BackupLock.PASSPHRASE, passphrase=WORDS, folder="/tmp\n/x"), "backup.folder"),
        (Choice(BackupLock.PASSPHRASE, passphrase=WORDS, folder="/tmp\0"), "backup.folder"),
        (Choice(BackupLock.PASSPHRASE, passphrase=WORDS, every_hours=-1), "backup.every"),
        (Choice(BackupLock.PASSPHRASE, passphrase=WORDS, every_hours=10**6), "backup.every"),
        (Choice(BackupLock.PASSPHRASE, passphrase=WORDS, kept=0), "backup.kept"),
        (Choice(BackupLock.PASSPHRASE, passphrase=WORDS, kept=10**9), "backup.kept"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    node: Node, actor: Actor, choice: Choice, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        set_backups(choice, actor=actor)

    assert refused.value.code == code
    assert not BackupSettings.objects.exists()
    assert not Secret.objects.filter(name=PASSPHRASE).exists()


def test_what_the_web_server_hands_out_is_no_place_for_backups(
    node: Node, actor: Actor, settings: Settings, tmp_path: Path
) -> None:
    served = tmp_path / "static"
    (served / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(served)
    settings.STATIC_ROOT = served
    for folder in (served, served / "deep", tmp_path / "link"):
        with pytest.raises(Refused, match="served"):
            set_backups(
                Choice(BackupLock.PASSPHRASE, passphrase=WORDS, folder=str(folder)), actor=actor
            )


def test_each_operation_asks_for_the_permission(node: Node, nobody: Actor) -> None:
    for operation in (
        lambda: set_backups(DAILY, actor=nobody),
        lambda: request_backup(actor=nobody),
        lambda: note_download("x", actor=nobody),
    ):
        with pytest.raises(PermissionDenied):
            operation()


def test_every_table_of_the_database_is_backed_up_or_left_out_with_a_reason() -> None:
    tables = tables_of(apps)
    kept = {table.model._meta.db_table for table in tables}
    left_out = {apps.get_model(label)._meta.db_table for label in LEFT_OUT}

    # The indexes of the find on SQLite are made of the rows, by triggers.
    tables = connection.introspection.table_names()
    names = {name for name in tables if not name.startswith(INDEXES)}
    assert names - {"django_migrations"} == kept | left_out
    assert all(LEFT_OUT.values())
    assert not kept & left_out


def test_each_table_comes_after_those_that_it_refers_to() -> None:
    labels = [table.label for table in tables_of(apps)]

    assert labels[0] == "certificates.secret"
    for before, after in [
        ("certificates.node", "certificates.certificate"),
        ("certificates.privatekey", "certificates.certificate"),
        ("certificates.signingrequest", "certificates.signingrequest_nodes"),
        ("contenttypes.contenttype", "auth.permission"),
        ("auth.permission", "auth.group_permissions"),
    ]:
        assert labels.index(before) < labels.index(after)
