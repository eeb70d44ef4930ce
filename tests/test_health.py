"""`/healthz`, `/readyz` and `/metrics`: what machines may know, and what it costs (MN-4)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries, Settings

from ccxsec_project import health, starting
from ccxsec_project.supervisor import follow_audit_log
from certificates.models import Certificate, Heartbeat, Job, Node
from certificates.secrets import SealError
from tests.conftest import HttpsClient

pytestmark = [pytest.mark.django_db, pytest.mark.spec("MN-4")]
TOKEN = "a-token-of-32-characters-or-more"


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> Iterator[None]:
    health.remembered.forget()
    cache.clear()
    yield
    health.remembered.forget()
    cache.clear()


@pytest.fixture
def alive(node: Node) -> Node:
    """An installation whose worker was seen just now."""
    Heartbeat.objects.beat("worker", "worker a", now=timezone.now())
    return node


def test_alive_asks_no_database_and_says_no_more(
    client: HttpsClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/healthz", headers={"Host": "10.0.0.7:8443"})

    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert not answer.cookies
    assert "Server" not in answer.headers


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_needs_neither_our_name_nor_tls(alive: Node, path: str) -> None:
    answer = Client().get(path, headers={"Host": "10.0.0.7"}, secure=False)

    assert answer.status_code == 200
    assert Client().get("/admin/", secure=False, headers={"Host": "testserver"}).status_code == 301


def test_ready_when_everything_is_there(alive: Node, client: HttpsClient) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "database": "ok",
        "migrations": "ok",
        "master_key": "ok",
        "worker": "ok",
        "worker_age_seconds": 0,
    }
    assert not answer.cookies


def _away(*_: Any, **__: Any) -> Any:
    raise OperationalError("could not connect to db.example.com with password hunter2")


def _closed() -> None:
    raise SealError("not the one")


@pytest.mark.parametrize(
    ("broken", "part"),
    [("worker", "worker"), ("key", "master_key"), ("migration", "migrations"), ("db", "database")],
)
def test_not_ready_names_the_part_and_nothing_else(
    alive: Node, client: HttpsClient, monkeypatch: pytest.MonkeyPatch, broken: str, part: str
) -> None:
    if broken == "worker":
        Heartbeat.objects.update(seen_at=timezone.now() - timedelta(minutes=10))
    elif broken == "key":
        monkeypatch.setattr(health, "open_seals", _closed)
    elif broken == "migration":
        monkeypatch.setattr(health, "waiting_migrations", lambda: True)
    else:
        monkeypatch.setattr(health, "waiting_migrations", _away)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()[part] == "failed"
    assert answer.json()["ready"] is False
    assert b"hunter2" not in answer.content
    assert b"example.com" not in answer.content


def test_asking_often_looks_once_a_second(
    alive: Node, client: HttpsClient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(6):
        statuses = {client.get("/readyz").status_code for _ in range(20)}

    assert statuses == {200}


def test_a_waiting_migration_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not starting.waiting_migrations()
    monkeypatch.setattr(
        "django.db.migrations.recorder.MigrationRecorder.applied_migrations", lambda _: {}
    )
    assert starting.waiting_migrations()


# --- Measures ------------------------------------------------------------------------------------
def scraped(client: Client, token: str = TOKEN) -> Any:
    return client.get("/metrics", headers={"Authorization": f"Bearer {token}"})


def values(text: str) -> dict[tuple[str, ...], float]:
    """As Prometheus' own parser reads it: name and labels -> value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    "given", ["", "Bearer wrong", f"Basic {TOKEN}", "Bearer ", "Bearer \xff", f"Bearer {TOKEN}x"]
)
def test_measures_are_for_the_token_alone(
    alive: Node, client: HttpsClient, settings: Settings, given: str
) -> None:
    assert scraped(client).status_code == 404  # without a token in the settings
    settings.CCXSEC_METRICS_TOKEN = TOKEN

    answer = client.get("/metrics", headers={"Authorization": given} if given else {})

    assert answer.status_code == 401
    assert TOKEN.encode() not in answer.content
    assert scraped(client).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_measures_say_what_the_database_holds(
    alive: Node, client: HttpsClient, tomcat: Certificate, settings: Settings
) -> None:
    settings.CCXSEC_METRICS_TOKEN = TOKEN
    follow_audit_log()
    Certificate.objects.filter(pk=tomcat.pk).update(not_after=timezone.now() + timedelta(days=10))
    answer = scraped(client)
    found = values(answer.content.decode())

    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert found["ccxsec_certificates", "own", "tomcat", "active"] == 1
    assert found["ccxsec_certificates_expiring", "7"] == 0
    assert found["ccxsec_certificates_expiring", "14"] == 1
    name = "ccxsec_own_certificate_expiry_timestamp_seconds"
    ends = found[name, "ccx1.example.com", "tomcat"] - timezone.now().timestamp()
    assert 9.9 < ends / 86_400 <= 10
    jobs = sum(value for key, value in found.items() if key[0] == "ccxsec_jobs")
    assert jobs == Job.objects.count()
    assert found["ccxsec_worker_clusters",] == 1
    assert found["ccxsec_deliveries", "email", "sent"] == 0
    assert found["ccxsec_audit_anchor_behind",] == 0


def test_measures_are_counted_once_for_a_while(
    alive: Node,
    client: HttpsClient,
    settings: Settings,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    settings.CCXSEC_METRICS_TOKEN = TOKEN
    first = scraped(client).content

    with django_assert_num_queries(0):
        assert scraped(client).content == first


def test_a_hostile_name_breaks_no_line_of_the_measures(
    alive: Node, client: HttpsClient, settings: Settings
) -> None:
    settings.CCXSEC_METRICS_TOKEN = TOKEN
    hostile = 'a"} 1\nccxsec_jobs{kind="x",state="failed"} 99\n#\\'
    Job.objects.create(kind=hostile[:40], started_by="test")

    found = values(scraped(client).content.decode())

    assert found["ccxsec_jobs", hostile[:40], "queued"] == 1
    assert ("ccxsec_jobs", "x", "failed") not in found
