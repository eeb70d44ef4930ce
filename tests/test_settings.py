"""What the settings promise of the database and of the worker."""

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, transaction
from django_q.conf import Conf

from ccxsec_project.environment import long_secret
from certificates.models import Certificate


def pragma(name: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}")
        return cursor.fetchone()[0]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="it is about SQLite")
@pytest.mark.django_db(transaction=True)
def test_sqlite_waits_keeps_and_checks() -> None:
    options = settings.DATABASES["default"]["OPTIONS"]

    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]
    assert pragma("busy_timeout") == 20_000
    assert pragma("foreign_keys") == 1
    assert pragma("synchronous") == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        Certificate.objects.create(node_id=4711, purpose="tomcat", is_own=True, der=b"")


@pytest.mark.django_db
def test_the_worker_keeps_to_limits() -> None:
    assert Conf.SCHEDULER is True  # with the guard of tests/test_queue_guard.py
    assert settings.Q_CLUSTER["timeout"] < settings.Q_CLUSTER["retry"]
    assert settings.Q_CLUSTER["max_attempts"]
    assert not settings.Q_CLUSTER["catch_up"]
    assert settings.Q_CLUSTER["workers"] >= 2


def test_a_token_that_can_be_guessed_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CCXSEC_METRICS_TOKEN", "short")
    with pytest.raises(ImproperlyConfigured, match="5 characters; it needs 32") as raised:
        long_secret("CCXSEC_METRICS_TOKEN", 32)
    assert "short" not in str(raised.value)

    for text in ("", "t" * 32):
        monkeypatch.setenv("CCXSEC_METRICS_TOKEN", text)
        assert long_secret("CCXSEC_METRICS_TOKEN", 32) == text
