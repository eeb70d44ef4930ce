"""A job of the command: Ctrl-C ends it in order, and a worker may have it."""

import time
from collections.abc import Callable

import pytest

from bulk.management import following
from bulk.management.following import new_lines
from certificates import jobs
from certificates.models import Job, JobState
from tests.bulk.commanding import printed, refused, run
from tests.bulk.exchanging import Exchanging
from tests.bulk.transferring import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("BK-5")]


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """So many Ctrl-C while the command waits."""

    def press(times: int) -> None:
        left = [KeyboardInterrupt] * times

        def sleep(seconds: float) -> None:
            if left:
                wait_for(lambda: Job.objects.filter(kind="bulk-export", done=1).exists())
                raise left.pop()
            time.sleep(seconds)

        monkeypatch.setattr(following, "pause", sleep)

    return press


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that goes on until somebody cancels it."""

    def work(job: Job) -> str:
        job.report("At work.", done=1, total=100, now=job.created_at)
        wait_for(lambda: Job.objects.filter(pk=job.pk, cancel_requested=True).exists())
        return "Cancelled: nothing was changed."

    monkeypatch.setitem(jobs._registry, "bulk-export", work)


def test_ctrl_c_asks_for_the_end(
    exchanging: Exchanging, endless: None, interrupted: Callable[[int], None]
) -> None:
    interrupted(1)

    said = refused("export", "tomcat")

    assert said == "Cancelled: nothing was changed."
    assert Job.objects.get(kind="bulk-export").state == JobState.CANCELLED
    assert exchanging.place.names == []


def test_a_second_ctrl_c_leaves_at_once(
    exchanging: Exchanging, endless: None, interrupted: Callable[[int], None]
) -> None:
    interrupted(2)

    with pytest.raises(KeyboardInterrupt):
        printed("export", "tomcat")

    wait_for(lambda: Job.objects.get(kind="bulk-export").is_final)


def test_a_job_that_a_worker_has_is_waited_for(
    exchanging: Exchanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else has claimed it; the command tells what that one says."""
    claimed: list[Job] = []

    def elsewhere(pk: int) -> Job | None:
        row = Job.objects.get(pk=pk)
        if not claimed:
            claimed.append(row)
            return None
        return None if row.is_final else real(pk)

    real = jobs.run
    monkeypatch.setattr(jobs, "run", elsewhere)
    monkeypatch.setattr(following, "RETRY", 0.05)

    assert run("export", "tomcat")["state"] == "done"
    assert [row.kind for row in claimed] == ["bulk-export"]


def test_what_breaks_is_told_and_not_waited_for(
    exchanging: Exchanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(job: Job) -> str:
        raise ZeroDivisionError

    monkeypatch.setitem(jobs._registry, "bulk-export", broken)

    assert "internal error" in refused("export", "tomcat")


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        ([], ["a"], ["a"]),
        (["a"], ["a"], []),
        (["a"], ["a", "b"], ["b"]),
        (["a", "b"], ["b", "c"], ["c"]),
        (["a", "a"], ["a", "a", "a"], ["a"]),
        (["a", "b"], ["c", "d"], ["c", "d"]),
    ],
    ids=["first", "none", "one", "an old one is dropped", "alike", "all are others"],
)
def test_each_line_is_told_once(before: list[str], now: list[str], new: list[str]) -> None:
    assert list(new_lines(before, now)) == new
