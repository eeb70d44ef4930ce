"""A list that is too long to be counted is walked, in every order and both directions (CM-1)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from certificates.admin import walk
from certificates.admin.certificate import CertificateAdmin
from certificates.admin.remembered import forget
from certificates.models import Certificate, Node
from certificates.models.insertion import insert_many
from tests.certificates.rows import row
from tests.conftest import HttpsClient
from tests.query_plans import only_sqlite, plans_of

pytestmark = pytest.mark.spec("CM-1", "CM-2")

LIST = "/admin/certificates/certificate/"
ROWS = 60
COLUMNS = range(1, len(CertificateAdmin.list_display) + 1)
_KEY = re.compile(r'name="_selected_action" value="(\d+)"')
_WAY = re.compile(r'<a href="([^"]*)">(First|Previous|Next|Last)</a>')


@pytest.fixture
def many(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """On three nodes, with equal values in every column, and some of none."""
    monkeypatch.setattr("certificates.admin.find_list.COUNTED", 20)
    nodes = [node, *(Node.objects.create(host_name=f"{n}.example.com") for n in ("a", "z"))]
    now = timezone.now()
    common = {"type": "self-signed", "key_type": "EC", "key_label": "EC P-256", "key_bits": 256}
    made = []
    for number in range(ROWS):
        values = common | {"issuer_common_name": f"CA {number % 2}", "signature_algorithm": "x"}
        values["not_after"] = now + timedelta(days=1 + number % 7) if number % 5 else None
        values["type"] = "ca-signed" if number % 4 else "self-signed"
        one = row(nodes[number % 3], values, number, f"name {number % 9}")
        one.purpose = "ipsec-trust" if number % 2 else "tomcat-trust"
        one.description = f"team {number % 3}"
        made.append(one)
    insert_many(made)


def walked(client: HttpsClient, asked: dict[str, str], way: str, begin: str = "") -> list[int]:
    """The keys of all pages, as the links lead from one to the next."""
    keys: list[int] = []
    address = f"{LIST}?{begin}"
    for _ in range(ROWS):
        page = client.get(address, asked if not keys else None).content.decode()
        keys += map(int, _KEY.findall(page))
        ways = {label: href.replace("&amp;", "&") for href, label in _WAY.findall(page)}
        if way not in ways:
            return keys
        address = LIST + ways[way]
    raise AssertionError("the pages have no end")


@pytest.mark.parametrize("order", ["", *(f"{s}{n}" for n in COLUMNS for s in ("", "-"))])
def test_every_order_is_walked_to_its_end_and_back(
    administrator: HttpsClient, many: None, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    asked = {"o": order} if order else {}
    forth = walked(administrator, asked, "Next")
    from_end = walked(administrator, asked | {"walk": "last"}, "Previous")
    monkeypatch.setattr("certificates.admin.find_list.COUNTED", 10_000)
    forget()
    listed = administrator.get(LIST, asked).context["cl"].queryset

    assert len(set(forth)) == ROWS + 2
    assert forth == [row.pk for row in listed], "the same order as that of a short list"
    pages = [from_end[start : start + 25] for start in range(0, len(from_end), 25)]
    assert [key for page in reversed(pages) for key in page] == forth


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"field": "common_name", "op": "contains", "value": "AME"}, 60),
        ({"field": "description", "op": "contains", "value": "team"}, 60),
        ({"field": "fingerprint", "op": "begins with", "value": "0000"}, 60),
        ({"field": "certificate", "op": "is exactly", "value": "ipsec-trust"}, 30),
        ({"type": "ca-signed", "field": "common_name", "op": "begins with", "value": "name"}, 45),
        ({"expiry": "30", "o": "8"}, 48),
        ({"purpose": "ipsec-trust", "o": "-5"}, 30),
    ],
)
def test_find_rows_and_filters_are_kept_on_the_way(
    administrator: HttpsClient, many: None, asked: dict[str, str], count: int
) -> None:
    assert len(set(walked(administrator, asked, "Next"))) == count


@pytest.mark.parametrize("place", ["after-", "after-x", "after-999999", "before-0", "x", "last-1"])
def test_a_place_that_is_not_there_is_the_first_page(
    administrator: HttpsClient, many: None, place: str
) -> None:
    first = _KEY.findall(administrator.get(LIST).content.decode())

    page = administrator.get(LIST, {"walk": place})

    assert page.status_code == 200
    assert _KEY.findall(page.content.decode()) == first


def test_a_row_that_is_deleted_meanwhile_is_left_out(
    administrator: HttpsClient, many: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []

    def late(*asked: Any) -> walk.Stretch:
        stretch = walk.stretch(*asked)
        found.extend(stretch.keys)
        Certificate.objects.filter(pk=found[5]).delete()
        return stretch

    monkeypatch.setattr("certificates.admin.changelist.stretch", late)
    shown = [int(key) for key in _KEY.findall(administrator.get(LIST).content.decode())]

    assert shown == found[:5] + found[6:]


def test_what_would_take_long_is_not_counted(administrator: HttpsClient, many: None) -> None:
    asked: Any = {"field": "subject", "op": "contains", "value": "o=lab"}

    page = administrator.get(LIST, asked).content.decode()

    assert "are not counted" in page
    assert "More than" not in page
    assert Certificate.objects.count() == ROWS + 2


DATED: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"expiry": "7", "purpose": "ipsec-trust"}, {"purpose": "ipsec-trust"}),
    (
        {
            "expiry": "30",
            "type": "ca-signed",
            "field": "subject",
            "op": "contains",
            "value": "o=lab",
        },
        {"type": "ca-signed", "subject__icontains": "o=lab"},
    ),
    (
        {"field": "expiration", "op": "after", "value": "2026-01-01", "node": "2", "o": "-8"},
        {"node_id": 2, "not_after__isnull": False},
    ),
]


@pytest.mark.parametrize("most", [0, 30, 50_000])
@pytest.mark.parametrize(("asked", "wanted"), DATED, ids=["store", "subject", "node"])
def test_dates_and_something_else_find_the_same_however_many_the_dates_fit(
    administrator: HttpsClient,
    many: None,
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, str],
    wanted: dict[str, Any],
    most: int,
) -> None:
    if "node" in asked:
        key = Node.objects.get(host_name="z.example.com").pk
        asked, wanted = asked | {"node": str(key)}, wanted | {"node_id": key}
    rows = Certificate.objects.active().filter(**wanted)
    if days := int(asked.get("expiry", 0)):
        now = timezone.now()
        rows = rows.filter(not_after__gte=now, not_after__lt=now + timedelta(days=days))
    monkeypatch.setattr("certificates.admin.changelist.DATED", most)

    found = walked(administrator, asked, "Next")

    assert len(found) > 5
    assert sorted(found) == sorted(rows.values_list("pk", flat=True))


@only_sqlite
def test_few_dates_are_looked_at_one_by_one(administrator: HttpsClient, many: None) -> None:
    asked = {"expiry": "7", "field": "subject", "op": "contains", "value": "o=lab"}
    pages: list[str] = []

    def ask() -> None:
        pages.append(administrator.get(LIST, asked).content.decode())

    (plan,) = plans_of(ask, 'AS "pk"', "json_each")

    assert "are not counted" not in pages[0]
    assert "USING INTEGER PRIMARY KEY" in plan
    assert "SCAN certificates" not in plan
