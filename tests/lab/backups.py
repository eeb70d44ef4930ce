"""What the tests of backups ask a worker for: the content of a database, and how to fill it."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.utils import timezone

from certificates import jobs
from certificates.access import Actor
from certificates.backup_format.keys import Passphrase, ScryptCost, new_identity
from certificates.conditions import Condition, Operator
from certificates.find import few_keys, to_query
from certificates.models import (
    BackupLock,
    BackupReminder,
    BackupSettings,
    Certificate,
    Event,
    Job,
    Node,
    Purpose,
    Secret,
)
from certificates.operations import (
    create_backup,
    request_backup,
    restore_backup,
    set_backups,
    verify_audit,
    verify_backup,
)
from certificates.operations.backup import create
from certificates.operations.backup.restore import unfinished
from certificates.operations.backup.schedule import Choice, folder_of
from certificates.operations.backup.tables import tables_of
from certificates.operations.install import make_groups
from certificates.refusal import Refused
from certificates.x509.facts import read_facts
from certificates.x509.keys import new_key
from certificates.x509.names import Subject
from certificates.x509.policy import KeyChoice
from certificates.x509.self_signed import self_signed
from tests.lab.changes import active_fingerprint, deploy, replace_certificate
from tests.lab.killing import Effects
from tests.lab.worker import say

WORDS = "four words and a number 7"
OPENER = Passphrase(WORDS, ScryptCost(n=2**14))
ACTOR = Actor("lab")
# What is another one after a restore, on purpose.
CHANGED = {"certificates.event", "certificates.job", "certificates.backupreminder"}
CHANGED |= {"django_migrations"}


def fill() -> None:
    """People, their rights, trusted certificates of which the newest is gone, an open reminder."""
    make_groups()
    user = User.objects.create_user("anna", "anna@example.com", "a long enough password")
    user.groups.add(Group.objects.get(name="Auditor"))
    user.user_permissions.add(Permission.objects.get(codename="view_event"))
    Secret.objects.keep("a password", b"sentinel-of-a-secret")
    node, key = Node.objects.local(), new_key(KeyChoice.EC_P256)
    names = ["Ünïcode ✓ 漢字", "plain.example.com", "=1+1|cmd", "the newest one"]
    ders = [
        self_signed(
            key, subject=Subject(common_name=name).to_x509(), names=[], days=9, now=timezone.now()
        )
        for name in names
    ]
    rows = node.certificates.create_trust(
        node, Purpose.TOMCAT_TRUST, [read_facts(der) for der in ders], "lab"
    )
    rows[-1].delete()
    deploy(replace_certificate(active_fingerprint()).job)
    assert BackupReminder.objects.open().exists()


def found(part: str) -> list[str]:
    """Names that hold `part`, as the index of trigrams tells where there is one (CM-2)."""
    asked = [Condition("common_name", Operator.CONTAINS, part)]
    rows, few = Certificate.objects.filter(to_query(asked)), few_keys(asked, most=100)
    rows = rows if few is None else rows.filter(pk__among=few)
    return sorted(rows.values_list("common_name", flat=True))


def content() -> dict[str, str]:
    """A digest of the rows of each table that a restore brings back as they were."""
    found = {}
    for table in tables_of(apps):
        if table.label not in CHANGED:
            digest = hashlib.sha256()
            for row in table.write("default"):
                digest.update(repr(row).encode())
            found[table.label] = f"{digest.hexdigest()} {table.last_key('default')}"
    return found


def events() -> list[str]:
    return [str(event) for event in Event.objects.order_by("sequence")]


def audit_problem() -> str:
    return verify_audit().problem


def next_keys() -> dict[str, bool]:
    """Whether a key that the database makes is one that was never there, for each table."""
    found = {}
    for table in tables_of(apps):
        if table.model._meta.auto_field is not None:
            last = table.last_key("default")
            newest: Any = table.model._default_manager.order_by("-pk").first()
            found[table.label] = newest is None or newest.pk <= last
    return found


def make(path: str) -> None:
    create_backup(Path(path), locks=[OPENER], actor=ACTOR, now=timezone.now())


def verified(path: str) -> list[str]:
    with Path(path).open("rb") as file:
        verdict = verify_backup(file, OPENER)
    return [*verdict.problems, *filter(None, [verdict.tail_cut])]


def restore(path: str) -> str:
    """What was refused; "" for nothing."""
    try:
        with Path(path).open("rb") as file:
            restore_backup(file, OPENER, actor=ACTOR, now=timezone.now())
    except Refused as refused:
        return refused.code
    return ""


def wipe() -> None:
    """Nothing is there any more but the key that the running process has made for itself."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE")
            cursor.execute("CREATE SCHEMA public")
    connection.close()
    for path in Path(settings.CCXSEC_DATA).iterdir():
        if path.name != "secret.key":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def state_of_restore() -> dict[str, Any]:
    """Whether the product would take this for an installation, and whether it would start."""
    tables = connection.introspection.table_names()
    return {"is_there": "certificates_event" in tables, "unfinished": unfinished()}


def killed(name: str, path: str, point: int) -> int:
    """Do `make` or `restore` in a child that kills itself at that effect.

    Args:
        point: -1 only counts them.

    Returns:
        How many effects there were; 0 where it was killed.
    """
    connection.close()
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        return int(said or b"0")
    effects = Effects(point)
    try:
        with effects:
            {"make": make, "restore": restore}[name](path)
        os.write(writing, str(effects.seen).encode())
    finally:
        os._exit(1)


def replace_many(times: int) -> None:
    """Says when it begins, then replaces certificates, one after the other."""
    say({"step": "begun"})
    for _ in range(times):
        deploy(replace_certificate(active_fingerprint()).job)


class RemindsMeanwhile:
    """Where a backup is written to; at the first byte something newer happens ("": nothing)."""

    def __init__(self, what: str) -> None:
        self.what, self.written = what, 0

    def write(self, data: bytes) -> int:
        if self.what and not self.written:
            BackupReminder.objects.remind(self.what, timezone.now())
        self.written += len(data)
        return len(data)


def back_up_while_reminded(first: str, meanwhile: str) -> list[str]:
    """The reasons of the reminders that are open afterwards. "": nothing is reminded of."""
    BackupReminder.objects.open().update(closed_at=timezone.now())
    if first:
        BackupReminder.objects.remind(first, timezone.now())
    stream: Any = RemindsMeanwhile(meanwhile)
    create_backup(stream, locks=[OPENER], actor=ACTOR, now=timezone.now())
    return list(BackupReminder.objects.open().values_list("reason", flat=True))


def run_cancelled() -> dict[str, Any]:
    """A job that is asked to stop while it writes its first rows."""
    create._EACH, create._ROWS = -1.0, 1
    recipient = str(new_identity().recipient)
    set_backups(Choice(BackupLock.RECIPIENT, recipient=recipient), actor=ACTOR)
    row = request_backup(actor=ACTOR)
    write = create.write_header

    def cancelled(*args: Any, **kwargs: Any) -> bytes:
        Job.objects.filter(pk=row.pk).update(cancel_requested=True)
        return write(*args, **kwargs)

    create.write_header = cancelled
    ended = jobs.run(row.pk)
    create.write_header = write
    folder = folder_of(BackupSettings.objects.current())
    row.refresh_from_db()
    files = [path.name for path in folder.iterdir()]
    return {"state": row.state, "files": files, "said": ended.messages[-1] if ended else ""}
