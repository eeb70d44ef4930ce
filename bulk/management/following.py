"""A job that the command has queued: worked off here, or by a worker, and told line by line."""

import sys
from collections.abc import Mapping, Sequence
from threading import Thread
from time import sleep
from typing import Any

from django.db import connection

from certificates import jobs
from certificates.management.operator_command import Answer, Judged, OperatorCommand
from certificates.models import Job, JobState
from certificates.x509.visible import visible

PAUSE = 0.1  # seconds between two looks at the job
RETRY = 1.0  # seconds until a job that a worker has is asked for again
pause = sleep  # in which the command hears Ctrl-C


class Following(OperatorCommand):
    """A command whose verbs are jobs."""

    def follow(self, job: Job) -> Job:
        """The job once it has ended; its lines are on standard error by then, the last one not.

        It is done in a thread, so that this one hears Ctrl-C, which asks for its end: what is
        under way is left as it should be. A second Ctrl-C leaves at once; then a worker ends it.
        """
        worker = _Worker(job.pk)
        worker.start()
        ended = self._watch(job.pk, worker)
        worker.join()
        return ended

    def _watch(self, pk: int, worker: "_Worker") -> Job:
        told: list[str] = []
        percent = 0
        is_asked = False
        while True:
            try:
                is_at_work = worker.is_alive()
                row = Job.objects.get(pk=pk)
                lines = row.messages[:-1] if row.is_final else row.messages
                for line in new_lines(told, lines):
                    self.stderr.write(visible(line))
                told = list(lines)
                if row.is_final:
                    return row
                if not is_at_work:
                    raise worker.trouble or RuntimeError(f"job {pk} was left unfinished")
                if row.percent != percent and sys.stderr.isatty():
                    percent = row.percent
                    self.stderr.write(f"{percent} %", ending="\r")
                pause(PAUSE)
            except KeyboardInterrupt:
                if is_asked:
                    raise
                is_asked = True
                Job.objects.filter(pk=pk).update(cancel_requested=True)
                self.stderr.write("Cancelling. Press Ctrl-C again to leave it to the worker.")

    def judged(self, ended: Job, **more: object) -> Judged:
        """The answer of a job: exit status 1 unless it was done."""
        said = result_of(ended)
        told = {"result": said, "state": ended.state, "job": ended.pk, **more}
        return Judged(told, None if is_done(ended) else said)

    def print_value(self, name: str, value: Any) -> None:
        """What is named inside an answer is a line each."""
        if isinstance(value, Mapping):
            value = [f"{key}: {one}" for key, one in value.items()]
        super().print_value(name, value)


def is_done(ended: Job) -> bool:
    """Whether it did what it was asked for."""
    return ended.state == JobState.DONE


def result_of(ended: Job) -> str:
    """The sentence that has ended a job."""
    return str(ended.messages[-1]) if ended.messages else ""


def failed(ended: Job) -> Answer:
    """What a job that was only a step of the verb said; nothing else is known then."""
    return Judged({"state": ended.state, "job": ended.pk}, result_of(ended))


def new_lines(before: Sequence[str], now: Sequence[str]) -> Sequence[str]:
    """What was added; a job keeps its last 200 lines only."""
    for cut in range(len(before) + 1):
        rest = before[cut:]
        if list(now[: len(rest)]) == list(rest):
            return now[len(rest) :]
    return now


class _Worker(Thread):
    """Does the job, unless a worker has it; when that worker dies, its job is taken up here."""

    def __init__(self, pk: int) -> None:
        super().__init__(name=f"job {pk}", daemon=True)
        self._pk = pk
        self.trouble: Exception | None = None

    def run(self) -> None:
        try:
            while jobs.run(self._pk) is None and not Job.objects.get(pk=self._pk).is_final:
                sleep(RETRY)
        except Exception as error:  # noqa: BLE001 - it is raised again in the command's thread
            self.trouble = error
        finally:
            connection.close()
