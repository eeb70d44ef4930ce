"""The page of the trust stores beside each other, as the server answers it (CM-14)."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from certificates.models import Certificate, Node, Purpose
from certificates.x509.facts import read_facts
from tests import hostile
from tests.certificates import authorities
from tests.certificates.authority import Authority
from tests.certificates.conftest import Put
from tests.conftest import HttpsClient
from tests.hostile import Markup, hidden, inert

PAGE = "/admin/certificates/certificate/trust-stores/"
COPY = f"{PAGE}copy/"
pytestmark = [
    pytest.mark.spec("CM-14"),
    pytest.mark.filterwarnings("ignore:Attribute's length must be"),
    pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive"),
]


@pytest.fixture
def other(node: Node) -> Node:
    return Node.objects.create(host_name="ccx2.example.com")


@pytest.fixture
def stores(node: Node, other: Node, put: Put, ca: Authority) -> list[Node]:
    """Both have the root, the first alone its subordinate."""
    for place in (node, other):
        put(ca.root, "tomcat-trust", at=place)
    put(ca.sub, "tomcat-trust")
    return [node, other]


def cells(response: Any) -> dict[str, list[str]]:
    """Name of a certificate -> There or Missing on each node."""
    return {
        one.certificate.file_name: [
            "There" if place.is_there else "Missing" for place in one.places
        ]
        for one, _ in response.context["rows"]
    }


def fields(nodes: list[Node], target: Node, **more: Any) -> dict[str, Any]:
    keys = [node.pk for node in nodes]
    return {"store": "tomcat-trust", "nodes": keys, "target": target.pk} | more


def held(node: Node) -> int:
    return node.certificates.for_purpose(Purpose.TOMCAT_TRUST).count()


def test_the_differences_alone_are_shown_at_first(
    stores: list[Node], administrator: HttpsClient
) -> None:
    response = administrator.get(PAGE)

    assert list(cells(response).values()) == [["There", "Missing"]]
    page = response.content.decode()
    assert "1 difference</span>" in page
    assert re.search(r'data-label="ccx2.example.com"><span class="badge soon">Missing<', page)


def test_all_of_them_are_shown_on_request(stores: list[Node], administrator: HttpsClient) -> None:
    shown = cells(administrator.get(PAGE, {"all": "on"}))

    assert sorted(shown.values()) == [["There", "Missing"], ["There", "There"]]


def test_a_common_name_finds_rows(stores: list[Node], administrator: HttpsClient) -> None:
    name = Certificate.objects.trust().order_by("pk").last().common_name  # type: ignore[union-attr]

    assert len(cells(administrator.get(PAGE, {"name": name.upper()}))) == 1
    nothing = administrator.get(PAGE, {"name": "nobody is called so"})
    assert cells(nothing) == {}
    assert "No difference has that in its common name." in nothing.content.decode()


def test_the_own_certificates_stand_beside_each_other(
    stores: list[Node], administrator: HttpsClient
) -> None:
    page = administrator.get(PAGE, {"store": "ipsec-trust"})

    own = stores[0].certificates.active().for_purpose(Purpose.IPSEC).get()
    assert f"{own.fingerprint[:16]}…" in page.content.decode()
    assert "No certificate" in page.content.decode()


def test_a_node_that_is_named_alone_stands_beside_the_first(
    stores: list[Node], administrator: HttpsClient
) -> None:
    response = administrator.get(PAGE, {"nodes": stores[1].pk})

    assert response.context["stores"].nodes == tuple(stores)


@pytest.mark.parametrize("many", [1, 5])
def test_one_node_or_five_are_not_compared(
    node: Node, administrator: HttpsClient, many: int
) -> None:
    for number in range(many - 1):
        Node.objects.create(host_name=f"sub{number}.example.com")
    response = administrator.get(PAGE, {"nodes": [row.pk for row in Node.objects.all()]})

    told = "There is one node only" if many == 1 else "5 nodes are chosen; up to 4"
    assert told in response.content.decode()
    assert "stores" not in response.context or not response.context.get("rows")


@pytest.mark.parametrize(
    "query",
    [
        {"store": "tomcat"},
        {"nodes": ["x", "\x00"]},
        {"nodes": "99999999999999999999"},
        {"p": "x"},
        {"p": "-1"},
        {"name": "\x00"},
    ],
)
def test_an_address_that_was_made_by_hand_is_a_page(
    stores: list[Node], administrator: HttpsClient, query: dict[str, Any]
) -> None:
    assert administrator.get(PAGE, query).status_code == 200


def test_pages_and_constant_queries(
    stores: list[Node],
    administrator: HttpsClient,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    row = stores[0].certificates.for_purpose(Purpose.TOMCAT_TRUST).first()
    assert row is not None
    for number in range(60):
        row.pk, row.fingerprint, row.file_name = None, f"{number:064x}", f"{number}.pem"
        row.save(force_insert=True)

    with django_assert_max_num_queries(22):
        response = administrator.get(PAGE, {"p": "2"})

    assert len(cells(response)) == 25
    assert response.context["differing"] == 61
    assert "?p=3" in response.content.decode()


def test_the_confirmation_says_what_will_happen_and_changes_nothing(
    stores: list[Node], administrator: HttpsClient
) -> None:
    other = stores[1]

    response = administrator.post(COPY, fields(stores, other, missing="yes"))

    page = response.content.decode()
    assert response.status_code == 200
    assert "<strong>1 certificate</strong> of ccx1.example.com would be added" in page
    assert "To be restarted afterwards: tomcat on ccx2.example.com." in page
    assert held(other) == 1


def test_a_confirmed_copy_is_made_and_told(stores: list[Node], administrator: HttpsClient) -> None:
    node, other = stores
    chosen = [row.fingerprint for row in node.certificates.for_purpose(Purpose.TOMCAT_TRUST)]
    asked = fields(stores, other, certificates=chosen)
    found = administrator.post(COPY, asked).context["found"]
    assert (len(found.rows), found.already) == (1, 1)

    carried = {"shown": found.shown, "confirm": "on", "certificates": " ".join(chosen)}
    response = administrator.post(COPY, asked | carried, follow=True)

    page = response.content.decode()
    assert "Copied 1 certificate to tomcat-trust of ccx2.example.com" in page
    assert "There already, and left: 1." in page
    assert "These stores hold the same certificates" in page
    assert held(other) == 2


def test_warnings_ask_for_the_box(
    stores: list[Node], administrator: HttpsClient, top: authorities.Authority
) -> None:
    node, other = stores
    old = top.issue_ca("Old", last=datetime(2026, 3, 1, tzinfo=UTC)).certificate
    [row] = Certificate.objects.create_trust(node, Purpose.TOMCAT_TRUST, [read_facts(old)], "")
    asked = fields(stores, other, certificates=[row.fingerprint])
    asked["shown"] = administrator.post(COPY, asked).context["found"].shown

    response = administrator.post(COPY, asked)

    assert response.status_code == 422
    assert "Not copied yet: read the warnings" in response.content.decode()
    assert held(other) == 1
    administrator.post(COPY, asked | {"confirm": "on"})
    assert held(other) == 2


def test_without_a_choice_nothing_happens(stores: list[Node], administrator: HttpsClient) -> None:
    response = administrator.post(COPY, fields(stores, stores[1]), follow=True)

    assert "No certificate is chosen." in response.content.decode()


@pytest.mark.parametrize("chosen", ["'; DROP TABLE", "A" * 64, "é" * 64])
def test_what_is_no_fingerprint_is_refused(
    stores: list[Node], administrator: HttpsClient, chosen: str
) -> None:
    asked = fields(stores, stores[1], certificates=[chosen])

    assert "That is no fingerprint" in administrator.post(COPY, asked, follow=True).content.decode()


def test_who_may_only_look_sees_no_boxes_and_may_not_copy(stores: list[Node], as_role: Any) -> None:
    auditor = as_role("Auditor")

    assert "checkbox" not in auditor.get(PAGE).content.decode().split("<tbody>", 1)[1]
    assert auditor.post(COPY, fields(stores, stores[1], missing="yes")).status_code == 403


def test_hostile_names_are_inert(stores: list[Node], administrator: HttpsClient) -> None:
    for der in hostile.all_certificates().values():
        Certificate.objects.create_trust(stores[0], Purpose.TOMCAT_TRUST, [read_facts(der)], "")

    for number in ("1", "2", "3"):
        inert(administrator.get(PAGE, {"all": "on", "p": number}))
    copying = administrator.post(COPY, fields(stores, stores[1], missing="yes"))
    assert Markup(copying.content.decode()).foreign == []
    assert hidden(copying.content.decode()) == []
