"""Traffic at an installation of its own, while its master key is rotated, and while it is restored.

In a process of its own with its own settings: `python -m tests.reliability.traffic`; prints JSON.
"""

import json
import logging
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

PATHS = (
    "/admin/",
    "/admin/certificates/certificate/",
    "/admin/certificates/node/1/",
    "/admin/certificates/event/verify/",
)


@contextmanager
def traffic(*works: Callable[[], None]) -> Iterator[None]:
    """Each work again and again in a thread of its own, for as long as the block lasts."""
    end, begun = threading.Event(), [threading.Event() for _ in works]

    def go_on(work: Callable[[], None], first: threading.Event) -> None:
        while not end.is_set():
            work()
            first.set()
        connections.close_all()

    threads = [
        threading.Thread(target=go_on, args=pair, daemon=True)
        for pair in zip(works, begun, strict=True)
    ]
    for thread in threads:
        thread.start()
    for first in begun:
        first.wait(60)
    yield
    end.set()
    for thread in threads:
        thread.join(60)


class Traffic:
    """What the clients do, and what they were answered."""

    def __init__(self) -> None:
        from django.contrib.auth.models import User
        from django.test import Client

        self.answers: Counter[str] = Counter()
        self.user = User.objects.get(username="admin")
        self.client = Client(raise_request_exception=False)
        self.client.force_login(self.user)
        self.writer = Client(raise_request_exception=False)
        self.writer.force_login(self.user)

    def look(self) -> None:
        for path in PATHS:
            self.answers[str(self.client.get(path, secure=True).status_code)] += 1

    def generate(self) -> None:
        """As the dialog does it; the deploy at once, as a worker would."""
        from certificates import jobs
        from certificates.models import Job, Node, Purpose

        path = "/admin/certificates/certificate/generate/?purpose=ipsec"
        page = self.writer.get(path, secure=True)
        if page.status_code == 200:
            form = page.context["form"]
            fields = {name: form[name].value() or "" for name in form.fields}
            fields |= {"key": "ec-p256", "confirm_legacy": "", "confirm_ca_signed": ""}
            done = self.writer.post(path, fields, secure=True)
            self.answers[f"generate {done.status_code}"] += 1
        for row in Job.objects.filter(state="queued", kind="deploy"):
            jobs.run(row.pk)
        assert Node.objects.local().certificates.for_purpose(Purpose.IPSEC).active().exists()


def rotated() -> dict[str, object]:
    """Rotate twice and retire the old keys, while pages are read and certificates made."""
    from certificates import jobs
    from certificates.access import Actor
    from certificates.operations import add_master_key, retire_master_key, rotation_state

    clients, actor = Traffic(), Actor("rotation")
    with traffic(clients.look, clients.generate):
        for _ in range(2):
            ended = jobs.run(add_master_key(actor=actor).pk)
            assert ended is not None
            assert ended.state == "done", ended.messages
            for number in rotation_state().retirable:
                retire_master_key(number, actor=actor)
    state = rotation_state()
    return {"answers": clients.answers, "keys": list(state.uses), "found": found()}


def restored() -> dict[str, object]:
    """Back up, take the database away, put the backup back; readers ask all the time."""
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    from certificates.access import Actor
    from certificates.backup_format.keys import Passphrase, ScryptCost
    from certificates.models import Certificate
    from certificates.operations import create_backup, restore_backup

    clients, actor, stream = Traffic(), Actor("restore"), BytesIO()
    opener = Passphrase("four words and a number 7", ScryptCost(n=2**14))
    create_backup(stream, locks=[opener], actor=actor, now=timezone.now())
    before = list(Certificate.objects.order_by("pk").values_list("fingerprint", flat=True))
    take_away()
    with traffic(clients.look):
        stream.seek(0)
        restore_backup(stream, opener, actor=actor, now=timezone.now())
        clients.look()
    after = list(Certificate.objects.order_by("pk").values_list("fingerprint", flat=True))
    last = clients.client.get("/admin/", secure=True)
    clients.client.force_login(clients.user)
    again = clients.client.get("/admin/", secure=True)
    return {
        "answers": clients.answers,
        "same": before == after,
        "signed_out": last.status_code,
        "signed_in_again": again.status_code,
        "sessions_kept": Session.objects.count() - 1,
        "found": found(),
    }


def take_away() -> None:
    """An empty database, and no file beside it that a restore would keep."""
    connections.close_all()
    if connection.vendor == "sqlite":
        for path in Path(settings.CCXSEC_DATA).glob("ccxsec.sqlite3*"):
            path.unlink()
    else:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def found() -> list[str]:
    from django.utils import timezone

    from ccxsec_project.doctor import findings
    from certificates import jobs
    from certificates.models import Job
    from certificates.operations.doctor import Asked

    for row in Job.objects.filter(state="queued"):
        jobs.run(row.pk)
    return [f"{one.code}: {one.sentence}" for one in findings(Asked(timezone.now()))]


def main() -> None:
    warnings.simplefilter("ignore")
    django.setup()
    logging.disable(logging.CRITICAL)
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    from django.test.utils import setup_test_environment

    call_command("up", setup_only=True, stdout=sys.stderr)
    setup_test_environment()
    sys.stdout.write(json.dumps({"rotated": rotated(), "restored": restored()}))


if __name__ == "__main__":
    main()
