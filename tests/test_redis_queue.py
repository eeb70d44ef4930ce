"""The worker's queue in Redis: whatever Redis forgets, each job is done, and once (MN-4)."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django_q import tasks
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.signing import SignedPackage
from pytest_django import Settings

from ccxsec_project import environment
from ccxsec_project.server_addresses import checked_redis_url
from ccxsec_project.shared_cache import JsonSerializer
from certificates import jobs
from certificates.models import Job, JobState
from certificates.refusal import Refused
from tests.conftest import HttpsClient
from tests.redis_server import RedisServer, throw_away_redis
from tests.test_jobs import new, work

__all__ = ["work"]
pytestmark = pytest.mark.spec("MN-4")
NO_WAIT = timedelta(0)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with throw_away_redis() as running:
        yield running


@pytest.fixture
def queue(
    server: RedisServer, settings: Settings, monkeypatch: pytest.MonkeyPatch, db: None
) -> RedisServer:
    """The product's queue is in Redis, and empty."""
    server.flush()
    settings.REDIS_URL = server.url
    monkeypatch.setattr(Conf, "BROKER_CLASS", "certificates.redis_queue.RedisQueue")
    return server


def delivered() -> list[Any]:
    """Takes every message out, as a worker would; what is run for each."""
    broker, found = get_broker(), []
    while broker.queue_size():
        task = SignedPackage.loads(broker.dequeue()[0][1])
        found.append((task["func"], *task["args"]))
    return found


def worked_off() -> None:
    for _, *arguments in delivered():
        jobs.run(*arguments)


@pytest.mark.django_db(transaction=True)
def test_a_message_is_sent_after_the_commit_and_holds_a_number(
    queue: RedisServer, work: list[Job]
) -> None:
    with transaction.atomic():
        row = jobs.enqueue("good", "target", started_by="test")
        before = delivered()

    assert (before, delivered()) == ([], [("certificates.tasks.run", row.pk)])


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_never_sent(queue: RedisServer, work: list[Job]) -> None:
    with transaction.atomic():
        jobs.enqueue("good", "target", started_by="test")
        transaction.set_rollback(True)

    assert delivered() == []
    assert jobs.take_up_lost(waiting=NO_WAIT) == 0


@pytest.mark.django_db(transaction=True)
def test_what_redis_forgot_is_sent_again_and_done_once(queue: RedisServer, work: list[Job]) -> None:
    rows = [new() for _ in range(3)]
    queue.flush()
    assert delivered() == []

    assert jobs.take_up_lost(waiting=NO_WAIT) == 3
    worked_off()
    worked_off()

    assert [row.pk for row in work] == [row.pk for row in rows]
    assert {row.state for row in Job.objects.all()} == {JobState.DONE}


@pytest.mark.django_db(transaction=True)
def test_what_still_waits_in_redis_is_not_sent_twice(queue: RedisServer, work: list[Job]) -> None:
    new()
    new()

    assert jobs.take_up_lost(waiting=NO_WAIT) == 0
    assert len(delivered()) == 2


@pytest.mark.django_db(transaction=True)
def test_a_dead_redis_fails_nobody_and_loses_nothing(
    queue: RedisServer, work: list[Job], caplog: pytest.LogCaptureFixture
) -> None:
    queue.kill()
    try:
        with caplog.at_level(logging.WARNING):
            row = new()
        assert row.state == JobState.QUEUED
        assert jobs.take_up_lost(waiting=NO_WAIT) == 0
    finally:
        queue.start()

    assert jobs.take_up_lost(waiting=NO_WAIT) == 1
    worked_off()
    row.refresh_from_db()
    assert row.state == JobState.DONE
    assert "the queue in Redis can't be reached" in caplog.text
    assert "quiet-password" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_guard_stands_before_redis_too(queue: RedisServer) -> None:
    tasks.async_task("os.system", "true", hook="os.system")

    assert delivered() == [("certificates.tasks.refused",)]


def test_no_value_in_the_shared_cache_is_code(server: RedisServer, settings: Settings) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "ccxsec_project.shared_cache.ForgetfulCache",
            "LOCATION": server.url,
            "OPTIONS": {"serializer": "ccxsec_project.shared_cache.JsonSerializer"},
        }
    }
    shared = caches["default"]
    shared.set("a", {"b": ["c", 1, None]}, 60)
    shared.set("n", 1, 60)

    assert shared.get("a") == {"b": ["c", 1, None]}
    assert shared.incr("n") == 2
    assert server.client.get(":1:a") == b'{"b":["c",1,null]}'
    with pytest.raises(ValueError, match="Expecting value"):
        JsonSerializer().loads(b"cos\nsystem\n(S'true'\ntR.")


@pytest.mark.django_db
def test_nothing_fails_for_a_shared_cache_that_is_away(
    settings: Settings, client: HttpsClient
) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "ccxsec_project.shared_cache.ForgetfulCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    settings.CCXSEC_METRICS_TOKEN = "t" * 32
    shared = caches["default"]
    shared.set("a", 1)

    assert (shared.get("a", 7), shared.add("a", 1), shared.delete("a")) == (7, False, False)
    with pytest.raises(ValueError, match="forgotten"):
        shared.incr("a")
    answer = client.get("/metrics", headers={"Authorization": "Bearer " + "t" * 32})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis://127.0.0.1",
        "redis://redis.example.com:6380/3",
        "rediss://ccxsec:secret@redis.example.com:6379/0?ssl_ca_certs=/etc/ssl/ca.pem",
        "unix:///run/redis/redis.sock?db=1",
    ],
)
def test_an_address_of_redis_is_taken(url: str) -> None:
    assert checked_redis_url(url) == url


@pytest.mark.parametrize(
    "url",
    ["redis.example.com", "http://secret@a", "redis://", "redis://a/b", "redis://a:70000", "unix:"],
)
def test_anything_else_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        checked_redis_url(url)

    assert refusal.value.code == "redis.url"
    assert "secret" not in str(refusal.value)


def test_the_setting_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(environment.env.ENVIRON, "REDIS_URL", "http://a")

    with pytest.raises(ImproperlyConfigured, match="REDIS_URL: It is no address"):
        environment.one_like("REDIS_URL", "", checked_redis_url)
