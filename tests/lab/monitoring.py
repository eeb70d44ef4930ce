"""The monitor in processes that are raced and killed: run in the worker."""

import multiprocessing
import os
import signal
import smtplib
import sys
import traceback
import uuid
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections, transaction

from certificates.access import Actor
from certificates.models import Certificate, MonitorSettings, Node, Notification
from certificates.operations import configure_monitor
from certificates.operations.monitoring import MonitorChange, run_monitor
from certificates.operations.monitoring.evaluate import evaluate
from certificates.operations.monitoring.run import channels_of
from tests.lab.worker import say
from tests.monitor.certificates import trusted

# Python functions after which something outside of the process may look different.
EFFECTS = {"execute", "executemany", "commit", "_commit", "send", "getreply", "connect", "close"}
MODULES = ("/django/db/backends/utils.py", "/django/db/backends/base/base.py", "/smtplib.py")


def set_up(addresses: str, ends: list[str]) -> None:
    """E-mail on, and a trust certificate for each end."""
    change = MonitorChange(30, 1, "days", True, addresses)
    configure_monitor(change, actor=Actor("lab"), now=datetime.fromisoformat(ends[0]))
    trusted(Node.objects.local(), [datetime.fromisoformat(end) for end in ends])


def run_once(now: str) -> str:
    """How it ended."""
    try:
        run_monitor(now=datetime.fromisoformat(now), hurry=True)
    except DatabaseError as error:
        return type(error).__name__
    return "done"


def run_together(now: str, workers: int, rounds: int) -> list[str]:
    """The same moment in several processes, each several times."""
    connections.close_all()
    fork = multiprocessing.get_context("fork")
    barrier, ends = fork.Barrier(workers), fork.SimpleQueue()

    def child() -> None:
        Certificate.objects.exists()
        barrier.wait(30)
        for _ in range(rounds):
            ends.put(run_once(now))

    children = [fork.Process(target=child) for _ in range(workers)]
    for one in children:
        one.start()
    outcomes = [ends.get() for _ in range(workers * rounds)]
    for one in children:
        one.join()
    return outcomes


def run_killed(now: str, point: int, kind: str = "") -> dict[str, int]:
    """A run in a child that is killed right after so many effects; 0: it comes to its end.

    Args:
        kind: "" for the product's own, else one of the careless ones below.
    """
    connections.close_all()
    child = os.fork()
    if child:
        return {"signal": os.WTERMSIG(os.waitpid(child, 0)[1])}
    seen = 0

    def watch(frame: Any, event: str, _: Any) -> None:
        nonlocal seen
        code = frame.f_code
        if event != "return" or code.co_name not in EFFECTS:
            return
        if code.co_filename.endswith(MODULES):
            seen += 1
            if seen == point:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        Certificate.objects.exists()
        sys.setprofile(watch)
        RUNS[kind](datetime.fromisoformat(now))
        sys.setprofile(None)
        say({"step": "done", "effects": seen})
    except Exception:  # noqa: BLE001 - the process ends here; its log tells why
        traceback.print_exc()
    finally:
        os._exit(0)


def _careful(now: datetime) -> None:
    run_monitor(now=now, hurry=True)


def _marks_first(now: datetime) -> None:
    """What is told is marked, then sent: who dies between has lost it."""
    rows = _unsent(now)
    with transaction.atomic():
        Notification.objects.filter(pk__in=[row.pk for row in rows]).delete()
    _mail(rows)


def _marks_last(now: datetime) -> None:
    """It is sent, then marked: who dies between sends it again."""
    rows = _unsent(now)
    _mail(rows)
    with transaction.atomic():
        Notification.objects.filter(pk__in=[row.pk for row in rows]).delete()


RUNS = {"": _careful, "marks first": _marks_first, "marks last": _marks_last}


def _unsent(now: datetime) -> list[Notification]:
    row = MonitorSettings.objects.current()
    if not Notification.objects.exists() and _is_new(now):
        evaluate(channels_of(row)[:1], row.rule, now=now)
    return list(Notification.objects.filter(channel="email"))


def _is_new(now: datetime) -> bool:
    """The first attempt of a period comes at its beginning."""
    return now.minute == 0


def _mail(rows: list[Notification]) -> None:
    if not rows:
        return
    message = EmailMessage()
    message["From"], message["To"] = "a@example.com", MonitorSettings.objects.current().addresses
    message["Message-ID"] = f"<{uuid.uuid4().hex}@naive>"
    message.set_content("\n".join(row.file_name for row in rows))
    with smtplib.SMTP(settings.CCXSEC_SMTP_HOST, settings.CCXSEC_SMTP_PORT) as client:
        client.send_message(message)
