"""The find of the top bar: what it finds, for whom, and what it makes of anything odd."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from ccxsec_project.find import FINDERS, LONGEST, PLACES
from certificates.finding import SHOWN
from certificates.models import Certificate, Node, Purpose
from certificates.x509.facts import read_facts
from tests import test_urls
from tests.conftest import ROLES, HttpsClient
from tests.hostile import TEXTS, all_certificates

pytestmark = [pytest.mark.spec("CM-2", "IP-1"), pytest.mark.django_db]
rows = test_urls.rows  # the fixture: something of each kind
FIND = "/admin/find/"
KINDS = (  # what is typed, the group it is found in, and the name there
    ("CCX1", "Certificates", "ccx1.example.com"),
    ("192.0.2.10", "Certificates", "ccx1.example.com"),
    ("ccx1", "Signing requests", "ccx1.example.com"),
    ("192.0.2.1", "Nodes", "ccx1.example.com"),
    ("192.0.2.11", "Policies", "a/a"),
    ("192.0.2.10:9", "Monitored endpoints", "192.0.2.10:9"),
    ("SMTP", "Settings and screens", "SMTP host"),
    ("retention", "Settings and screens", "How many stay"),
    ("pre-shared key", "Settings and screens", "Preshared Key"),
    ("trust stores", "Settings and screens", "Compare trust stores"),
    ("audit LOG", "Settings and screens", "Audit log"),
)
NOTHING = (
    ("", "Type a part of a name"),
    ("  ", "Type a part of a name"),
    ("a", "One character would find nearly everything."),
    ("x" * (LONGEST + 1), "That is 201 characters; up to 200 are looked for."),
    ("nowhere-to-be-found", "Nothing that you may see has"),
)


def found(client: HttpsClient, text: str) -> dict[str, list[tuple[str, str]]]:
    """Each group, with the name and the address of what stands in it."""
    html = client.get(FIND, {"q": text}).content.decode()
    groups = re.findall(r'<section class="module"><h2>(.*?)</h2>(.*?)</section>', html, re.DOTALL)
    link = r'<li><a href="([^"]*)"><bdi>(.*?)</bdi>'
    return {
        group: [(unescape(name), unescape(to)) for to, name in re.findall(link, inside)]
        for group, inside in groups
    }


def test_each_kind_is_found_in_its_group(rows: test_urls.Keys, administrator: HttpsClient) -> None:
    for text, group, name in KINDS:
        assert name in [hit for hit, _ in found(administrator, text)[group]], text


def test_the_own_certificates_are_found_by_the_name_of_their_service(
    node: Node, administrator: HttpsClient
) -> None:
    page = administrator.get("/admin/find/", {"q": "IPsec"}).content.decode()
    own = Certificate.objects.active().own().get(purpose="ipsec")

    assert f"/admin/certificates/certificate/{own.pk}/change/" in page
    assert "by its file name" in page
    assert "field=file_name&amp;op=begins+with&amp;value=IPsec" in page


def test_digits_find_their_certificate_however_they_are_written(
    tomcat: Certificate, administrator: HttpsClient
) -> None:
    digits, page = tomcat.fingerprint, f"/admin/certificates/certificate/{tomcat.pk}/change/"
    pairs = ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper()

    for text in (digits, pairs, digits[:9], tomcat.fingerprint_sha1, f"0x{tomcat.serial_number}"):
        assert (tomcat.common_name, page) in found(administrator, text)["Certificates"], text


@pytest.mark.parametrize("role", ROLES[1:])
def test_nobody_is_shown_what_he_may_not_open(
    role: str, rows: test_urls.Keys, as_role: Callable[..., HttpsClient]
) -> None:
    client = as_role(role)

    for text in ("ccx1", "192.0.2", "policy", "backup", "user"):
        for hits in found(client, text).values():
            for name, address in hits:
                assert client.get(address.partition("#")[0]).status_code == 200, (text, name)
    assert role != "staff" or found(client, "ccx1") == {}


def test_every_screen_and_every_field_is_where_the_find_says(
    rows: test_urls.Keys, administrator: HttpsClient
) -> None:
    pages: dict[str, str] = {}
    wrong = []
    for place in PLACES:
        address = reverse(place.url_name)
        if not str(place.permission).startswith("auth."):
            page = pages.setdefault(address, administrator.get(address).content.decode())
            if place.anchor and f'id="{place.anchor}"' not in page:
                wrong.append(f"{address}#{place.anchor}: {place.name}")

    assert wrong == []
    assert len(PLACES) > 80
    assert [place.about for place in PLACES if ".." in place.about] == []


def test_what_finds_nothing_is_told_in_a_sentence(node: Node, administrator: HttpsClient) -> None:
    for text, sentence in NOTHING:
        response = administrator.get(FIND, {"q": text})
        assert response.status_code == 200
        assert sentence in response.content.decode()


def test_hostile_text_is_found_and_stays_text(node: Node, administrator: HttpsClient) -> None:
    store = Purpose.TOMCAT_TRUST
    for der in all_certificates().values():
        Certificate.objects.create_trust(node, store, [read_facts(der)], "")

    for text in (
        "<img",
        "</script>",
        "'\"><b>",
        "{{ 7*7 }}",
        "\0\x1b[31m",
        "\u202egnp.exe",
        "%_\\",
    ):
        html = administrator.get(FIND, {"q": text}).content.decode()
        assert "<img" not in html
        assert "<b>" not in html
        assert not re.search("[\0\x1b\u202e]", html)
    assert TEXTS["image"] in [name for name, _ in found(administrator, "<img")["Certificates"]]


def test_a_page_asks_a_bounded_number_of_queries_and_shows_a_handful(
    rows: test_urls.Keys,
    node: Node,
    administrator: HttpsClient,
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    Node.objects.bulk_create(
        Node(host_name=f"many{number}.example.com") for number in range(3 * SHOWN)
    )

    with django_assert_max_num_queries(40):
        shown = found(administrator, "many")

    assert len(shown["Nodes"]) == SHOWN
    assert len(FINDERS) >= 6
