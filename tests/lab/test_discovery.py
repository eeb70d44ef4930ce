"""What servers really serve: compared with the stores, and watched when it is not ours (MO-2)."""

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from certificates import jobs
from certificates.access import Actor
from certificates.models import Certificate, Endpoint, Event, Job, Node, Observed, Service
from certificates.operations import add_endpoint, deploy, remove_endpoint, request_probe
from certificates.operations.deploy import folder_of
from certificates.operations.discover import discover_what_is_due
from certificates.operations.monitoring.sources import OBSERVED
from certificates.operations.verdict import Verdict, verdicts
from certificates.outgoing import Allowed
from certificates.refusal import Refused
from certificates.x509.facts import read_facts
from certificates.x509.keys import new_key
from certificates.x509.names import Subject
from certificates.x509.policy import KeyChoice
from certificates.x509.self_signed import self_signed
from tests.certificates.test_deploy import regenerate
from tests.lab.tls_servers import listening, serving

pytestmark = [pytest.mark.django_db, pytest.mark.spec("MO-2")]

Look = Callable[..., Verdict]


@pytest.fixture
def look(node: Node, actor: Actor) -> Look:
    """Add the port as an address of the local node, look there, and judge."""

    def call(port: int, **about: str) -> Verdict:
        row = Endpoint.objects.filter(port=port).first()
        row = row or add_endpoint(node, host="127.0.0.1", port=port, actor=actor, **about)
        assert jobs.run(request_probe(row, actor=actor).pk)
        row.refresh_from_db()
        return verdicts([row])[0]

    return call


def foreign(common_name: str = "stranger.example.com", days: int = 20) -> tuple[bytes, bytes]:
    """Certificate and key in PEM, of nobody that the product knows."""
    key = new_key(KeyChoice.EC_P256)
    subject = Subject(common_name).to_x509()
    der = self_signed(key, subject=subject, names=[], days=days, now=timezone.now())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(der=der).pem, secret


def stored(node: Node, actor: Actor) -> tuple[bytes, bytes]:
    """What the local tomcat store holds now."""
    deploy(node, Service.TOMCAT, actor=actor, now=timezone.now())
    current = folder_of(Service.TOMCAT) / "current"
    return (current / "fullchain.pem").read_bytes(), (current / "key.pem").read_bytes()


def test_in_force_then_older_after_a_change(
    node: Node, actor: Actor, look: Look, tmp_path: Path, administrator: Client
) -> None:
    with serving(*stored(node, actor), tmp_path) as port:
        before = look(port, service="tomcat")
        regenerate(node, actor)
        after = look(port)
    attention = administrator.get("/admin/").content.decode()

    assert "It serves one that was replaced here" in attention
    assert (before.word, before.urgency) == ("In force", "valid")
    assert after.word == "Older"
    assert "Restart tomcat" in after.cure
    assert not Observed.objects.exists()


def test_the_certificate_of_another_service_is_said(
    node: Node, actor: Actor, look: Look, tmp_path: Path
) -> None:
    with serving(*stored(node, actor), tmp_path) as port:
        assert look(port, service="ipsec").word == "Another service's"


def test_what_is_not_ours_is_observed_until_it_is_served_no_more(
    node: Node, actor: Actor, look: Look, tmp_path: Path, administrator: Client
) -> None:
    (first, key), (second, other) = foreign(), foreign("other.example.com")
    with serving(first, key, tmp_path) as port:
        verdict = look(port)
        row = Observed.objects.watched().get()
        listed = administrator.get("/admin/certificates/certificate/").content.decode()
        page = administrator.get(f"/admin/certificates/observed/{row.pk}/").content.decode()
        found = search(administrator, "field=common_name&op=contains&value=stranger")
        elsewhere = search(administrator, "purpose=ipsec") + search(administrator, "expiry=expired")
        pem = administrator.get(f"/admin/certificates/observed/{row.pk}/download.pem").content
        shown = administrator.get("/admin/certificates/endpoint/").content.decode()
    with ExitStack() as stack:
        again = stack.enter_context(serving(second, other, tmp_path))
        Endpoint.objects.update(port=again)
        look(again)

    assert "stranger" in found
    assert "stranger" not in elsewhere
    assert verdict.word == "Not ours"
    assert pem == first
    assert row.common_name == "stranger.example.com"
    for text in (listed, page, shown):
        assert "stranger.example.com" in text
    assert "Not ours" in shown
    assert Observed.objects.watched().get().common_name == "other.example.com"
    assert Observed.objects.gone().get().common_name == "stranger.example.com"
    assert Event.objects.filter(action="certificate:observe").count() == 2


def search(client: Client, query: str) -> str:
    return client.get(f"/admin/certificates/certificate/?{query}").content.decode()


def test_the_monitor_watches_what_is_observed(look: Look, tmp_path: Path) -> None:
    with serving(*foreign(days=5), tmp_path) as port:
        look(port)
    now = timezone.now()

    due = OBSERVED.told(now + timedelta(days=30), now=now)

    assert [row.common_name for row in due] == ["stranger.example.com"]
    assert not OBSERVED.told(now + timedelta(days=1), now=now).exists()


def test_issuers_that_are_sent_along_are_observed_too(look: Look, tmp_path: Path) -> None:
    (leaf, key), (issuer, _) = foreign(), foreign("Some CA")
    with serving(leaf + issuer, key, tmp_path) as port:
        look(port)

    found = dict(Observed.objects.values_list("common_name", "is_leaf"))
    assert found == {"stranger.example.com": True, "Some CA": False}


def no_tls(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example.com ESMTP\r\n" * 4)


def silence(connection: socket.socket) -> None:
    connection.recv(65536)
    time.sleep(3)


def drip(connection: socket.socket) -> None:
    connection.recv(65536)
    for octet in b"\x16\x03\x03\x40\x00" + b"\x02" * 100:
        connection.sendall(bytes([octet]))
        time.sleep(0.1)


def flood(connection: socket.socket) -> None:
    record = b"\x16\x03\x03\x40\x00" + b"\x0b\xff\xff\xff" + b"\x00" * 0x3FFC
    for _ in range(200):
        connection.sendall(record)


@pytest.mark.parametrize("misbehave", [no_tls, silence, drip, flood])
def test_a_server_that_misbehaves_is_a_sentence_in_time(
    look: Look,
    monkeypatch: pytest.MonkeyPatch,
    misbehave: Callable[[socket.socket], None],
) -> None:
    monkeypatch.setattr("certificates.probe.STEP_SECONDS", 1.0)
    begun = time.monotonic()
    with listening(misbehave) as port:
        verdict = look(port)

    assert verdict.word == "No answer"
    assert verdict.sentence
    assert time.monotonic() - begun < 20


def test_nobody_there_is_a_sentence(look: Look) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    assert "refused" in look(port).sentence


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "=cmd|' /C calc'!A0"])
def test_a_hostile_name_is_shown_harmlessly(
    look: Look, tmp_path: Path, administrator: Client, name: str
) -> None:
    with serving(*foreign(name), tmp_path) as port:
        look(port)

    for page in ("endpoint/", "certificate/", f"observed/{Observed.objects.get().pk}/"):
        assert (
            "<script>alert" not in administrator.get(f"/admin/certificates/{page}").content.decode()
        )


@pytest.mark.parametrize(
    "host",
    ["192.0.2.99", "169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0"],
)
def test_other_addresses_are_refused(node: Node, actor: Actor, host: str) -> None:
    with pytest.raises(Refused) as refusal:
        add_endpoint(node, host=host, port=443, actor=actor)

    assert refusal.value.code == "probe.address"
    assert "CCXSEC_PROBE_ALLOWED" in str(refusal.value)
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize("host", ["192.0.2.99", "192.0.2.1"])
def test_the_setting_allows_more(node: Node, actor: Actor, settings: Settings, host: str) -> None:
    settings.CCXSEC_PROBE_ALLOWED = ["192.0.2.0/24"]

    assert add_endpoint(node, host=host, port=443, actor=actor).pk


@pytest.mark.parametrize(
    ("answers", "is_allowed"),
    [
        (["127.0.0.1"], True),
        (["127.0.0.1", "169.254.169.254"], False),
        (["192.0.2.10", "198.51.100.1"], True),  # the name itself is one of the cluster's
        (["::ffff:169.254.169.254"], False),
        (["100.100.100.200"], False),
    ],
)
def test_every_address_of_a_name_is_judged(
    monkeypatch: pytest.MonkeyPatch, answers: list[str], is_allowed: bool
) -> None:
    found = [(0, socket.SOCK_STREAM, 0, "", (address, 443)) for address in answers]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    allowed = Allowed.of([], own=["ccx1.example.com"])

    if is_allowed:
        assert allowed.place("ccx1.example.com", 443).addresses == tuple(answers)
    else:
        with pytest.raises(Refused, match="no connection is made"):
            allowed.place("ccx1.example.com", 443)


def test_a_look_is_due_each_hour_and_queued_once(node: Node, actor: Actor) -> None:
    row = add_endpoint(node, host="127.0.0.1", port=9, actor=actor)
    now = timezone.now()

    first, second = discover_what_is_due(now=now), discover_what_is_due(now=now)
    assert first
    assert second
    assert first.pk == second.pk
    jobs.run(first.pk)
    row.refresh_from_db()
    assert row.probed_at
    assert discover_what_is_due(now=row.probed_at + timedelta(minutes=59)) is None
    assert discover_what_is_due(now=row.probed_at + timedelta(minutes=61))


def test_one_that_is_removed_is_forgotten(
    node: Node, actor: Actor, look: Look, tmp_path: Path
) -> None:
    with serving(*foreign(), tmp_path) as port:
        look(port)
    remove_endpoint(Endpoint.objects.get(), actor=actor)

    assert not Observed.objects.exists()
    assert Event.objects.filter(action="endpoint:remove").count() == 1


def test_from_the_screen(node: Node, administrator: Client, tmp_path: Path) -> None:
    with serving(*foreign(), tmp_path) as port:
        form = {"node": node.pk, "host": "127.0.0.1", "port": str(port)}
        added = administrator.post("/admin/certificates/endpoint/add/", form, follow=True)
        jobs.run(Job.objects.get(kind="discover").pk)
    refused = administrator.post(
        "/admin/certificates/endpoint/add/", form | {"host": "198.51.100.7"}
    )
    shown = administrator.get("/admin/certificates/endpoint/").content.decode()

    assert "is looked at from now on" in added.content.decode()
    assert refused.status_code == 422
    assert "CCXSEC_PROBE_ALLOWED" in refused.content.decode()
    assert "stranger.example.com" in shown


def test_the_list_asks_a_bounded_number_of_queries(
    node: Node,
    tomcat: Certificate,
    administrator: Client,
    django_assert_max_num_queries: Callable[..., object],
) -> None:
    facts = read_facts(bytes(tomcat.der))
    for port in range(1, 40):
        endpoint = Endpoint.objects.create(node=node, port=port, added_by="test")
        Observed.objects.create_from(endpoint, facts, is_leaf=True, now=timezone.now())

    for page in ("certificate/", "endpoint/"):
        with django_assert_max_num_queries(18):  # type: ignore[attr-defined]
            administrator.get(f"/admin/certificates/{page}")
