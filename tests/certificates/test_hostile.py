"""What a stranger wrote into a certificate is text, wherever it is shown, sent or logged."""

import csv
import html
import io
import json
import logging
import re
import socket
import ssl
import sys
import zipfile
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ccxsec_project.logs import OneLineFormatter
from certificates.admin.remembered import forget
from certificates.find import FIELDS
from certificates.models import Action, Certificate, Event, Node, Purpose
from certificates.x509.details import describe
from certificates.x509.facts import KeyType, read_facts
from certificates.x509.visible import visible
from tests import hostile
from tests.conftest import HttpsClient
from tests.effort import takes_at_most
from tests.hostile import TEXTS, assert_safe, hidden, inert, saved_as

LIST = "/admin/certificates/certificate/"
ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago")
DERS = hostile.all_certificates()
Rows = dict[str, Certificate]

pytestmark = [
    pytest.mark.spec("CM-1", "CM-3"),
    # What RFC 5280 forbids and hostile certificates have: the library warns of it.
    pytest.mark.filterwarnings("ignore:Attribute's length must be"),
    pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive"),
]
each_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


@pytest.fixture
def rows(node: Node) -> Rows:
    """All of them in one trust store."""
    return {kind: keep(node, der) for kind, der in DERS.items()}


def keep(node: Node, der: bytes) -> Certificate:
    facts, store = read_facts(der), Purpose.TOMCAT_TRUST
    return Certificate.objects.create_trust(node, store, [facts], "")[0]


@pytest.mark.parametrize("kind", DERS)
def test_the_details_page_shows_text_and_nothing_else(
    kind: str, node: Node, administrator: HttpsClient
) -> None:
    row = keep(node, DERS[kind])

    page = inert(administrator.get(f"{LIST}{row.pk}/change/"))

    assert html.escape(row.common_name) in page
    assert "Nothing in these bytes can be decoded" not in page
    assert row.fingerprint.upper() in page.replace(":", "")
    assert bool(row.undecoded) == ("Partly readable" in page)


def test_the_list_is_inert_on_every_page_in_every_order(
    administrator: HttpsClient, rows: Rows
) -> None:
    for order in (*range(10), -3):
        shown = 0
        for number in range(1, (len(rows) + 1) // 25 + 2):
            page = inert(administrator.get(LIST, {"o": order, "p": number}))
            shown += page.count('class="action-select"')
        assert shown == len(rows) + 2


@pytest.mark.spec("CM-2")
@pytest.mark.parametrize("field", FIELDS)
def test_hostile_text_in_a_find_row_is_only_looked_for(
    field: str, administrator: HttpsClient, rows: Rows
) -> None:
    for kind, text in TEXTS.items():
        asked = {"field": field, "op": "contains", "value": text}
        response = administrator.get(LIST, asked)
        inert(response, echo=True)
        assert response.context["cl"].result_count < len(rows)
        if field == "common_name":
            forget()  # some texts differ in what is not looked for
            found = administrator.get(LIST, asked | {"value": rows[kind].common_name})
            assert rows[kind] in found.context["cl"].result_list


@pytest.mark.spec("CM-2")
def test_the_first_and_the_last_moment_can_be_looked_for(administrator: HttpsClient) -> None:
    for zone in ZONES:
        for value in ("9999-12-31", "9999-12-31T23:59:59", "0001-01-01", "0001-01-01 00:00+14:00"):
            asked = {"field": "expiration", "op": "before", "value": value}
            with timezone.override(zone):
                assert administrator.get(LIST, asked).status_code == 200


def test_validity_without_end_is_shown_in_every_time_zone(
    administrator: HttpsClient, node: Node
) -> None:
    """99991231235959Z: "no well-defined expiration date" (RFC 5280, 4.1.2.5)."""
    row = keep(node, DERS["endless"])
    for zone in ZONES:
        with timezone.override(zone):
            told("show", f"tomcat-trust/{row.fingerprint}")
            for address in (LIST, f"{LIST}{row.pk}/change/", "/admin/", f"{LIST}export.json"):
                assert administrator.get(address).status_code == 200


@each_text
def test_an_own_certificate_is_inert_where_the_product_speaks_of_it(
    text: str, administrator: HttpsClient, tomcat: Certificate
) -> None:
    tomcat.supersede(timezone.now())
    assert tomcat.private_key
    facts = read_facts(hostile.everywhere(text))
    key = tomcat.private_key
    row = Certificate.objects.create_own(tomcat.node, Purpose.TOMCAT, facts, "", key)

    pages = ("certificate/generate/", f"certificate/{row.pk}/change/", "restartnotice/", "job/")
    for address in ("", *(f"certificates/{page}" for page in pages)):
        inert(administrator.get(f"/admin/{address}"))


def test_letters_and_marks_that_nobody_sees_are_escapes() -> None:
    assert visible(hostile.FILLERS).isascii()


@pytest.mark.spec("CM-4", "MN-3", "CM-24")
def test_downloads_are_exact_under_a_safe_name(administrator: HttpsClient, rows: Rows) -> None:
    for kind, row in rows.items():
        binary = administrator.get(f"{LIST}{row.pk}/download.der")
        text = administrator.get(f"{LIST}{row.pk}/download.pem")
        assert binary.content == DERS[kind]
        assert ssl.PEM_cert_to_DER_cert(text.content.decode()) == DERS[kind]
        assert_safe(saved_as(binary))
        assert_safe(saved_as(text))


def archive_of(client: HttpsClient, rows: Rows, kind: str) -> zipfile.ZipFile:
    chosen = {"action": f"download_{kind}", "_selected_action": [row.pk for row in rows.values()]}
    return zipfile.ZipFile(io.BytesIO(client.post(LIST, chosen).content))


@pytest.mark.spec("CM-4")
@pytest.mark.parametrize("kind", ["pem", "der"])
def test_an_archive_of_all_has_each_exactly_in_one_folder(
    kind: str, administrator: HttpsClient, rows: Rows
) -> None:
    archive = archive_of(administrator, rows, kind)

    members = [archive.read(name) for name in archive.namelist()]
    for name in archive.namelist():
        folder, _, file_name = name.rpartition("/")
        assert folder == "ccx1.example.com/tomcat-trust"
        assert_safe(file_name)
    pem = kind == "pem"
    found = {ssl.PEM_cert_to_DER_cert(data.decode()) if pem else data for data in members}
    assert (len(members), found) == (len(DERS), set(DERS.values()))


@pytest.mark.spec("CM-4")
def test_an_archive_of_all_unpacks_on_every_system(administrator: HttpsClient, rows: Rows) -> None:
    names = [name.rpartition("/")[2] for name in archive_of(administrator, rows, "pem").namelist()]

    assert [name for name in names if re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)\.", name)] == []
    assert max(len(name.encode()) for name in names) <= 255
    assert len({name.casefold() for name in names}) == len(rows)  # as on Windows and macOS


def exported(client: HttpsClient, kind: str) -> str:
    response: Any = client.get(f"{LIST}export.{kind}")
    return b"".join(response.streaming_content).decode()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_of_the_csv_is_a_formula(
    separator: str, administrator: HttpsClient, rows: Rows
) -> None:
    """Spreadsheets part cells at the separator of the reader's country, whatever stands there."""
    text = exported(administrator, "csv")

    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))

    assert len(lines) == len(rows) + 3
    assert hidden(text.replace("\r\n", "\n")) == []
    assert [cell for line in lines for cell in line if cell and cell[0] in "=+-@\t\r\n"] == []


def test_the_json_is_ascii_and_has_every_row(administrator: HttpsClient, rows: Rows) -> None:
    text = exported(administrator, "json")

    found = {row["fingerprint"]: row["common_name"] for row in json.loads(text)}
    assert text.isascii()
    assert {row.fingerprint: row.common_name for row in rows.values()}.items() <= found.items()


def told(*words: str) -> str:
    stream = io.StringIO()
    call_command("cert", *words, stdout=stream, no_color=True)
    return stream.getvalue()


def test_commands_print_no_control_characters(
    rows: Rows, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    listed = told("list")
    assert len(listed.splitlines()) == len(rows) + 3
    assert hidden(listed) == []
    assert len(json.loads(told("list", "trust", "--json"))) == len(rows)
    for kind, row in rows.items():
        name = f"tomcat-trust/{row.fingerprint}"
        assert hidden(told("show", name)) == [], kind
        assert json.loads(told("show", name, "--json"))["common_name"] == row.common_name
        told("export", name)
        assert ssl.PEM_cert_to_DER_cert(capsysbinary.readouterr().out.decode()) == DERS[kind]
        told("export", name, "--format", "der")
        assert capsysbinary.readouterr().out == DERS[kind]


def test_what_a_command_refuses_is_named_in_one_harmless_line(node: Node) -> None:
    for text in TEXTS.values():
        finds = (text, f"{text} contains x", f"expiration before {text}")
        wrong: list[tuple[str, ...]] = [("list", "--find", find) for find in finds]
        wrong += [("show", f"tomcat-trust/{text}"), ("show", f"{text}/x"), ("list", "--node", text)]
        for words in wrong:
            with pytest.raises(CommandError) as refusal:
                told(*words)
            assert hidden(str(refusal.value)) == []
            assert "\n" not in str(refusal.value)


@each_text
def test_one_log_record_is_one_line(text: str) -> None:
    assert len(logged(text).splitlines()) == 1
    assert hidden(logged(text)) == []


def test_a_traceback_forges_no_record() -> None:
    try:
        raise ValueError(TEXTS["log"])
    except ValueError:
        text = logged("failed", exc_info=sys.exc_info())

    assert len(re.findall(r"^\d{4}-\d\d-\d\d ", text, re.MULTILINE)) == 1


def logged(text: str, exc_info: Any = None) -> str:
    formatter = OneLineFormatter("{asctime} {levelname} {name}: {message}", style="{")
    record = logging.LogRecord("hostile", logging.INFO, "", 1, "read %s", (text,), exc_info)
    return formatter.format(record)


def test_audit_events_that_name_it_are_inert(administrator: HttpsClient, rows: Rows) -> None:
    for kind, row in rows.items():
        text = TEXTS.get(kind, row.common_name)
        Event.objects.record(text, Action.CERTIFICATE_DEPLOY, text, subject=text)
        event = Event.objects.record(text, Action.CERTIFICATE_DEPLOY, row, subject=text)
        assert hidden(event.actor + event.object_text + str(event.detail)) == []
    for kind in ("script", "bidirectional", "terminal"):
        inert(administrator.get(f"{LIST}{rows[kind].pk}/change/"))
    for page in ("?p=1", "?p=2", "?p=3", "verify/"):
        inert(administrator.get(f"/admin/certificates/event/{page}"))


def test_reading_and_showing_opens_no_socket(
    administrator: HttpsClient, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a certificate made us ask the network")

    for function in ("socket", "getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, function, refuse)
    for der in (hostile.fetching(), hostile.everywhere("http://fetched.example.net/")):
        shown = describe(der)
        assert sum("fetched" in line for each in shown.extensions for line in each.lines) >= 8
        page = f"{LIST}{keep(node, der).pk}/change/"
        assert "http://fetched.example.net/" in inert(administrator.get(page))


@pytest.mark.parametrize("algorithm", ["DHX", "DH"])
def test_a_diffie_hellman_key_costs_nothing(
    algorithm: str, administrator: HttpsClient, node: Node, openssl: str
) -> None:
    """The library would prove its modulus of 8,192 bits prime, each time, in half a minute."""
    der = hostile.diffie_hellman(algorithm, openssl)
    row = keep(node, der)
    page = f"{LIST}{row.pk}/change/"
    assert "Diffie-Hellman" in inert(administrator.get(page))

    assert takes_at_most(1.0, lambda: (read_facts(der), describe(der), administrator.get(page)))
    assert row.key_type == KeyType.UNKNOWN
