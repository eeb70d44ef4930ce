"""Jobs: claimed once, taken up again, ended once; the registry is all that runs."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone, translation
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from certificates import jobs
from certificates.models import Job, JobState
from certificates.models.job import LEASE, MAXIMUM_ATTEMPTS
from certificates.refusal import Refused
from certificates.sentence import say

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """A registry with jobs that end well, are refused, or crash."""
    done: list[Job] = []

    def good(row: Job) -> str:
        done.append(row)
        return "All good."

    def refuse(row: Job) -> str:
        raise Refused("test", say("It can't be done."), say("Try it again in a moment."))

    def crash(row: Job) -> str:
        raise ZeroDivisionError("secret in the message")

    registry = {"good": good, "refuse": refuse, "crash": crash}
    monkeypatch.setattr(jobs, "_registry", registry)
    return done


def new(kind: str = "good", **options: str) -> Job:
    with transaction.atomic():
        return jobs.enqueue(kind, "target", started_by="test", **options)


def test_the_queue_carries_a_number_and_nothing_else(work: list[Job]) -> None:
    row = new()

    task = SignedPackage.loads(OrmQ.objects.get().payload)
    assert (task["func"], task["args"]) == ("certificates.tasks.run", (row.pk,))
    assert task["kwargs"] == {}


def test_a_job_of_a_transaction_that_fails_is_not_there(work: list[Job]) -> None:
    with transaction.atomic():
        jobs.enqueue("good", "target", started_by="test")
        transaction.set_rollback(True)

    assert not Job.objects.exists()
    assert not OrmQ.objects.exists()


def test_it_is_done_once_though_delivered_twice(work: list[Job]) -> None:
    row = new()

    first, second = jobs.run(row.pk), jobs.run(row.pk)

    assert first
    assert (first.state, first.messages) == (JobState.DONE, ["All good."])
    assert second is None
    assert len(work) == 1


def test_a_refusal_ends_it_with_its_sentence(work: list[Job]) -> None:
    ended = jobs.run(new("refuse").pk)

    assert ended
    kept = Job.objects.get(pk=ended.pk)
    assert (kept.state, kept.messages) == (
        JobState.FAILED,
        ["It can't be done. Try it again in a moment."],
    )


def test_what_is_kept_is_plain_english_whoever_causes_it(work: list[Job]) -> None:
    said = say("{target} waits.", target=say("the request"))
    with translation.override("ja"):
        row = new(once=said)
        row.target = said
        row.messages = [said]
        row.save()
        jobs.run(new("refuse").pk)

    kept = Job.objects.filter(target=said).get()
    assert (kept.target, kept.messages) == ("the request waits.", ["the request waits."])
    assert type(kept.target) is type(kept.messages[0]) is str
    refused = Job.objects.get(kind="refuse")
    assert refused.messages == ["It can't be done. Try it again in a moment."]


def test_a_crash_ends_it_without_its_details(work: list[Job]) -> None:
    row = new("crash")
    with pytest.raises(ZeroDivisionError):
        jobs.run(row.pk)

    row.refresh_from_db()
    assert row.state == JobState.FAILED
    assert "secret" not in str(row.messages)


def test_a_kind_that_is_not_registered_does_not_run(work: list[Job]) -> None:
    with pytest.raises(ValueError, match=r"os\.system"):
        new("os.system")


def test_two_equal_jobs_wait_as_one(work: list[Job]) -> None:
    assert new(once="same").pk == new(once="same").pk
    jobs.run(Job.objects.get().pk)
    assert new(once="same").pk != Job.objects.order_by("pk")[0].pk


def test_a_job_whose_worker_died_is_taken_up_and_the_dead_one_cannot_end_it(
    work: list[Job],
) -> None:
    row = new()
    dead = Job.objects.claim(row.pk, now=timezone.now() - 2 * LEASE)
    assert dead
    OrmQ.objects.all().delete()

    assert jobs.take_up_lost() == 1
    assert OrmQ.objects.count() == 1
    ended = jobs.run(row.pk)

    assert ended
    assert (ended.state, ended.attempt) == (JobState.DONE, 2)
    assert not dead.end(JobState.FAILED, "late", now=timezone.now())
    assert Job.objects.get().state == JobState.DONE


def test_a_job_that_kills_its_workers_ends_as_failed(work: list[Job]) -> None:
    row = new()
    Job.objects.filter(pk=row.pk).update(
        state=JobState.RUNNING,
        attempt=MAXIMUM_ATTEMPTS,
        leased_until=timezone.now() - timedelta(seconds=1),
    )

    jobs.take_up_lost()

    row.refresh_from_db()
    assert row.state == JobState.FAILED
    assert "died 3 times" in row.messages[0]


def test_a_lost_message_is_sent_again(work: list[Job]) -> None:
    row = new()
    OrmQ.objects.all().delete()
    assert jobs.take_up_lost() == 0
    assert jobs.take_up_lost(waiting=timedelta(0)) == 1
    OrmQ.objects.all().delete()
    Job.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(minutes=5))

    assert jobs.take_up_lost() == 1
    assert OrmQ.objects.count() == 1


def test_a_final_state_is_asked_for(work: list[Job]) -> None:
    row = Job.objects.claim(new().pk, now=timezone.now())
    assert row
    with pytest.raises(ValueError, match="does not end"):
        row.end(JobState.RUNNING, "", now=timezone.now())
