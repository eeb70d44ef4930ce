"""When a notice is due: the arithmetic, and that the database counts as Python does (MO-2)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certificates.expiry.periods import Rule, rule_of
from certificates.expiry.severity import Severity, distance, severity
from certificates.models import Certificate, Channel, Node
from certificates.operations.monitoring.evaluate import missing
from certificates.operations.monitoring.sources import CERTIFICATES
from certificates.refusal import Refused
from tests.conftest import NOW
from tests.monitor.certificates import trusted

pytestmark = pytest.mark.spec("MO-2")
DAY = timedelta(days=1)
END = datetime(2027, 3, 1, 12, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "began"),
    [
        (END - 30 * DAY - timedelta(seconds=1), None),
        (END - 30 * DAY, END - 30 * DAY),
        (END - 30 * DAY + timedelta(seconds=1), END - 30 * DAY),
        (END - 29 * DAY - timedelta(seconds=1), END - 30 * DAY),
        (END - 29 * DAY, END - 29 * DAY),
        (END + 400 * DAY + timedelta(hours=3), END + 400 * DAY),
    ],
)
def test_a_period_begins_at_the_start_time_and_then_at_the_frequency(
    now: datetime, began: datetime | None
) -> None:
    assert Rule(30 * DAY, DAY).period_start(END, now) == began


@given(
    left=st.integers(-3_000, 3_000 * 86_400),
    start=st.integers(1, 3650),
    frequency=st.integers(1, 8760),
    second=st.integers(0, 10**8),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.django_db
def test_the_database_counts_periods_as_python_does(
    node: Node, left: int, start: int, frequency: int, second: int
) -> None:
    now = NOW + timedelta(seconds=second, microseconds=second % 1_000_000)
    rule = rule_of(start, frequency, "hours")
    end = (now + timedelta(seconds=left)).replace(microsecond=0)
    Certificate.objects.trust().delete()
    [row] = trusted(node, [end])

    found = missing(CERTIFICATES, Channel.EMAIL, rule, now=now).filter(pk=row.pk)
    counted = list(found.values_list("as_period_start", "as_severity"))

    began = rule.period_start(end, now)
    assert counted == ([(began, severity(end, now).value)] if began else [])


@pytest.mark.parametrize(
    ("start", "frequency", "unit", "code"),
    [
        (0, 1, "days", "monitor.start"),
        (-1, 1, "days", "monitor.start"),
        (3651, 1, "days", "monitor.start"),
        (100_000, 1, "days", "monitor.start"),
        (30, 0, "days", "monitor.frequency"),
        (30, 366, "days", "monitor.frequency"),
        (30, 8761, "hours", "monitor.frequency"),
        (30, 1, "weeks", "monitor.unit"),
    ],
)
@pytest.mark.spec("MO-1")
def test_a_rule_that_cannot_work_is_refused(
    start: int, frequency: int, unit: str, code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        rule_of(start, frequency, unit)

    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("left", "kind", "words"),
    [
        (timedelta(seconds=-1), Severity.EXPIRED, "less than an hour ago"),
        (timedelta(0), Severity.CRITICAL, "in less than an hour"),
        (3 * DAY, Severity.CRITICAL, "in 3 days"),
        (3 * DAY + timedelta(seconds=1), Severity.WARNING, "in 3 days"),
        (14 * DAY, Severity.WARNING, "in 14 days"),
        (15 * DAY, Severity.NOTICE, "in 15 days"),
        (timedelta(hours=5), Severity.CRITICAL, "in 5 hours"),
        (-DAY, Severity.EXPIRED, "1 day ago"),
    ],
)
def test_severity_and_distance(left: timedelta, kind: Severity, words: str) -> None:
    assert severity(NOW + left, NOW) == kind
    assert distance(NOW + left, NOW) == words
