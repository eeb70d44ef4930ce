"""The dashboard's picture of expirations: what it counts, where it leads; and its table."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ccxsec_project import timeline as module
from ccxsec_project.timeline import HEIGHT, LEAST, MONTHS, timeline
from certificates.models import Certificate, Node, Purpose
from certificates.x509.facts import read_facts
from tests.certificates import authorities

pytestmark = [pytest.mark.django_db, pytest.mark.spec("MO-2")]
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
Moments = list[datetime]


@pytest.fixture
def trusted(node: Node) -> None:
    """None of the node's own ones, which are valid for years, is in the picture."""
    expire(node, *[NOW + timedelta(days=days) for days in (-900, -1, 3, 40, 41, 42)])


def expire(node: Node, *moments: datetime) -> list[Certificate]:
    names = [authorities.root(f"{moment:%s}") for moment in moments]
    facts = [read_facts(one.certificate) for one in names]
    rows = Certificate.objects.create_trust(node, Purpose.TOMCAT_TRUST, facts, "")
    for row, moment in zip(rows, moments, strict=True):
        row.not_after = moment
        row.save(update_fields=["not_after"])
    return rows


def counted(now: datetime = NOW) -> dict[str, int]:
    return {column.name: column.total for column in timeline(now).columns if column.total}


@pytest.mark.usefixtures("trusted")
def test_counts_by_month_what_has_expired_apart() -> None:
    assert counted() == {"Expired": 2, "November 2026": 1, "January 2027": 3}
    assert len(timeline(NOW).columns) == 1 + MONTHS


@pytest.mark.usefixtures("trusted")
def test_says_the_same_in_a_sentence() -> None:
    assert timeline(NOW).sentence == (
        "2 have expired. 4 expire until 31 October 2027; the most, 3, in January 2027."
    )


def test_says_that_nothing_expires(node: Node) -> None:
    said = timeline(NOW).sentence

    assert said == "None has expired. None expires until 31 October 2027."


def test_months_are_those_of_the_operators_zone(node: Node) -> None:
    expire(node, datetime(2026, 12, 31, 23, 30, tzinfo=UTC))  # the new year in Berlin
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert counted() == {"January 2027": 1}
    assert counted() == {"December 2026": 1}


def test_own_and_trusted_are_told_apart(node: Node, tomcat: Certificate) -> None:
    Certificate.objects.filter(pk=tomcat.pk).update(not_after=NOW + timedelta(days=10))
    expire(node, *[NOW + timedelta(days=10)] * 500)

    (column,) = [column for column in timeline(NOW).columns if column.total]

    assert (column.name, column.own, column.trust) == ("December 2026", 1, 500)
    assert [part.kind for part in column.parts] == ["own", "trust"]
    assert column.parts[0].height == LEAST  # seen, however few they are
    assert column.parts[1].height == HEIGHT * 500 // 501


def test_replaced_ones_are_left_out(node: Node, tomcat: Certificate) -> None:
    Certificate.objects.filter(pk=tomcat.pk).update(not_after=NOW)
    assert counted() == {"November 2026": 1}

    tomcat.supersede(NOW)

    assert counted() == {}


def test_a_count_is_bounded(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    expire(node, *[NOW + timedelta(days=40)] * 5)

    (column,) = [column for column in timeline(NOW).columns if column.total]

    assert column.in_words == "more than 3 certificates"
    assert "the most, more than 3, in January 2027" in timeline(NOW).sentence


def test_each_bar_leads_to_exactly_its_certificates(administrator: Client, node: Node) -> None:
    now = timezone.now().replace(microsecond=0)
    ends = module._month_ends(now)
    edges = [end + timedelta(seconds=offset) for end in ends for offset in (-1, 0)]
    expire(node, now - timedelta(seconds=1), now + timedelta(minutes=1), *edges)

    for column in timeline(now).columns:
        page = administrator.get(column.address)
        assert page.context["cl"].result_count == column.total, column.name


def test_the_dashboard_has_the_picture_and_the_table(administrator: Client, node: Node) -> None:
    expire(node, timezone.now() + timedelta(days=100))

    text = administrator.get("/admin/").content.decode()

    picture = text[text.index('<figure class="timeline"') : text.index("</figure>")]
    table = picture[picture.index("<table") :]
    (address,) = set(re.findall(r'href="([^"]+)"', picture))
    assert administrator.get(unescape(address)).context["cl"].result_count == 1
    assert picture.count(f'href="{address}"') == 2  # a bar, a row
    assert table.count("<tr>") == 1 + 1 + MONTHS
    assert re.search(r'aria-label="\w+ \d+: 1 certificate, 0 own"', picture)


def test_asks_a_constant_number_of_queries(
    node: Node, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    expire(node, *[NOW + timedelta(days=10 * number) for number in range(50)])
    with django_assert_num_queries(1 + MONTHS + 1):
        timeline(NOW)
