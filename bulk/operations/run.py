"""One run of the exchange: a job that holds the installation's lock, tells and can be cancelled."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from bulk.models import ExchangeServer
from bulk.operations.server import refuse_unready, visit
from bulk.transfer import UNTOUCHED, Cancelled, Folder
from certificates import jobs
from certificates.access import Actor, Permission
from certificates.jobs import Work, enqueue
from certificates.local_files import INSTALLATION
from certificates.locks import cluster_lock
from certificates.models import Job
from certificates.refusal import Refused
from certificates.sentence import say

WHOLE = 100  # of a run's progress
_PATIENCE = 30.0  # seconds to wait for another run of this installation
_PAUSE = 0.5  # seconds between two notes of progress


@dataclass
class Run:
    """A job of the exchange at work. `scratch`: an empty folder for what is moved.

    `published`: the files that are in force on the server by now, however the run ends.
    """

    job: Job
    server: ExchangeServer
    scratch: Path
    published: list[str] = field(default_factory=list)
    _noted: float = field(default=0.0)

    @property
    def actor(self) -> Actor:
        return Actor(self.job.started_by)

    def say(self, line: str, *, done: int = 0) -> None:
        """A line for the operator; `done` of `WHOLE`. Raises `Cancelled`."""
        if not self.job.report(line, done=done, total=WHOLE, now=timezone.now()):
            raise Cancelled

    def portion(self, begin: int, end: int) -> Callable[[int, int], None]:
        """A progress of bytes that takes the job from `begin` to `end`."""

        def progress(done: int, total: int) -> None:
            if time.monotonic() - self._noted > _PAUSE or done == total:
                self._noted = time.monotonic()
                share = (end - begin) * done // max(total, 1)
                self.say("", done=begin + share)

        return progress

    @contextmanager
    def visit(self) -> Iterator[Folder]:
        """The server's directory; what is asked to stop stops at once, wherever it waits."""
        with visit(self.server, stop=self._is_cancelled) as folder:
            yield folder

    def _is_cancelled(self) -> bool:
        """Asked in a thread of its own, which has a connection of its own."""
        try:
            return Job.objects.filter(pk=self.job.pk, cancel_requested=True).exists()
        except DatabaseError:
            return False  # the transfer does not end because the database is busy
        finally:
            connection.close()


def run(kind: str, cancelled: str) -> Callable[[Callable[[Run], str]], Work]:
    """Register a function as the job `kind`; one run of an installation at a time.

    Args:
        cancelled: the sentence that ends it when somebody has cancelled it.
    """

    def register(work: Callable[[Run], str]) -> Work:
        @wraps(work)
        def work_off(job: Job) -> str:
            server = ExchangeServer.objects.current()
            with cluster_lock("exchange", patience=_PATIENCE) as held:
                if not held:
                    wrong = say("Another run of the exchange is at work still.")
                    raise Refused(
                        "exchange.busy", wrong, say("Wait for its end, then start again.")
                    )
                with _scratch() as folder:
                    begun = Run(job, server, folder)
                    try:
                        return work(begun)
                    except Cancelled:
                        done = ", ".join(begun.published)
                        return f"Cancelled, after {done} was published." if done else cancelled
                    except Refused as error:
                        refused = _with_published(error, begun.published)
                        _note(server, refused)
                        raise refused from error

        return jobs.job(kind)(work_off)

    return register


def ask(kind: str, *, actor: Actor, **arguments: int | str) -> Job:
    """Queue a run; one that waits already with the same arguments is returned instead.

    Raises:
        PermissionDenied: `actor` may not run the exchange.
        Refused: exchange.unset, exchange.host-key.
    """
    actor.require(Permission.RUN_BULK)
    server = ExchangeServer.objects.current()
    refuse_unready(server)
    once = " ".join([kind, *map(str, arguments.values())])
    return enqueue(kind, str(server), once=once, started_by=str(actor), **arguments)


def _with_published(refused: Refused, published: Sequence[str]) -> Refused:
    """A later step says of itself only that it has changed nothing."""
    if not published:
        return refused
    sentence = refused.sentence.removesuffix(f" {UNTOUCHED}")
    wrong = f"{sentence} Before that, {', '.join(published)} was published."
    return Refused(refused.code, wrong, refused.cure)


def _note(server: ExchangeServer, refused: Refused) -> None:
    """Keep on the page what is wrong with the server itself."""
    if refused.code.startswith("sftp."):
        same = ExchangeServer.objects.filter(pk=server.pk, saved_at=server.saved_at)
        same.update(trouble=str(refused)[:600])


@contextmanager
def _scratch() -> Iterator[Path]:
    """An empty folder, emptied of what a killed run left."""
    if INSTALLATION.user:  # root that acts for another user writes nothing under names of his
        with TemporaryDirectory(prefix="ccxsec-exchange-") as made:
            yield Path(made)
        return
    folder = Path(settings.CCXSEC_DATA) / "exchange"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
