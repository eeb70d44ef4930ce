"""Where the product may connect to: every address is judged, and no other is met."""

import socket
from typing import Any

import pytest

from certificates.outgoing import Allowed, Place, UnknownHostError
from certificates.refusal import Refused

OWN = ("ccx1.example.com", "192.0.2.10", "2001:db8::10")


def answers(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Every name has these addresses; returns the names that are asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def code(allowed: Allowed, host: str) -> str:
    try:
        allowed.place(host, 443)
    except Refused as refused:
        return refused.code
    return "allowed"


@pytest.mark.parametrize(
    ("host", "listed", "verdict"),
    [
        ("127.0.0.1", "", "allowed"),
        ("127.9.9.9", "", "allowed"),
        ("::1", "", "allowed"),
        ("::ffff:127.0.0.1", "", "allowed"),
        ("192.0.2.10", "", "allowed"),
        ("::ffff:192.0.2.10", "", "allowed"),
        ("2001:db8::10", "", "allowed"),
        ("192.0.2.11", "", "probe.address"),
        ("192.0.2.11", "192.0.2.11", "allowed"),
        ("192.0.2.11", "192.0.2.0/28", "allowed"),
        ("::ffff:192.0.2.11", "192.0.2.0/28", "allowed"),
        ("192.0.2.99", "192.0.2.0/28", "probe.address"),
        ("10.0.0.1", "0.0.0.0/0", "allowed"),
        ("2001:db8::11", "", "probe.address"),
        ("2001:db8::11", "2001:db8::/64", "allowed"),
        ("8.8.8.8", "", "probe.address"),
        ("169.254.169.254", "", "probe.address"),
        ("::ffff:169.254.169.254", "", "probe.address"),
        ("::ffff:a9fe:a9fe", "", "probe.address"),
        ("64:ff9b::a9fe:a9fe", "64:ff9b::/96", "probe.address"),
        ("64:ff9b:1::a9fe:a9fe", "64:ff9b:1::/48", "probe.address"),
        ("64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1::/48", "probe.address"),
        ("64:ff9b:1:a9:fe:a9fe::", "64:ff9b:1::/48", "probe.address"),
        ("64:ff9b:1:0:a9:fea9:fe00:0", "64:ff9b:1::/48", "probe.address"),
        ("64:ff9b:1:fffe::c000:20b", "64:ff9b:1::/48", "allowed"),
        ("::ffff:0:a9fe:a9fe", "::/0", "probe.address"),
        ("::ffff:0:c000:20b", "::ffff:0:0:0/96", "allowed"),
        ("2002:a9fe:a9fe::1", "2002::/16", "probe.address"),
        ("::169.254.169.254", "::/96", "probe.address"),
        ("169.254.169.254", "0.0.0.0/0", "probe.address"),
        ("169.254.169.254", "169.254.0.0/16", "probe.address"),
        ("169.254.169.254", "169.254.169.254", "allowed"),
        ("169.254.1.1", "169.254.0.0/16", "allowed"),
        ("169.254.1.1", "169.254.1.0/24", "allowed"),
        ("100.100.100.200", "100.64.0.0/10", "probe.address"),
        ("fd00:ec2::254", "fd00::/8", "probe.address"),
        ("fe80::1", "", "probe.address"),
        ("0.0.0.0", "", "probe.address"),
        ("::", "", "probe.address"),
        ("::", "::/0", "probe.address"),
        ("224.0.0.1", "0.0.0.0/0", "probe.address"),
        ("255.255.255.255", "0.0.0.0/0", "probe.address"),
        ("ff02::1", "::/0", "probe.address"),
    ],
)
def test_addresses_are_judged(host: str, listed: str, verdict: str) -> None:
    assert code(Allowed.of([listed], own=OWN), host) == verdict


@pytest.mark.parametrize(
    ("spelling", "verdict"),
    [
        ("2130706433", "allowed"),  # 127.0.0.1
        ("0x7f000001", "allowed"),
        ("0177.0.0.1", "allowed"),
        ("127.1", "allowed"),
        ("2852039166", "probe.address"),  # 169.254.169.254
        ("0xa9fea9fe", "probe.address"),
        ("0251.0376.0251.0376", "probe.address"),
        ("169.254.43518", "probe.address"),
        ("0", "probe.address"),
    ],
)
def test_other_spellings_are_judged_by_what_the_resolver_makes_of_them(
    spelling: str, verdict: str
) -> None:
    assert code(Allowed.of([], own=OWN), spelling) == verdict


def test_a_name_of_the_cluster_leads_where_it_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "10.1.2.3", "2001:db8::99")

    place = Allowed.of([], own=OWN).place("CCX1.example.com.", 8443)

    assert place == Place(("10.1.2.3", "2001:db8::99"), 8443)


def test_a_listed_name_may_not_lead_to_a_metadata_service(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "169.254.169.254")
    allowed = Allowed.of(["portal.example.com"])

    with pytest.raises(Refused) as refusal:
        allowed.place("portal.example.com", 443)

    assert refusal.value.code == "probe.address"
    assert "'portal.example.com' leads to 169.254.169.254" in refusal.value.sentence
    assert "CCXSEC_PROBE_ALLOWED" in refusal.value.cure


def test_one_bad_address_of_two_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for addresses in (("127.0.0.1", "10.0.0.1"), ("10.0.0.1", "127.0.0.1")):
        answers(monkeypatch, *addresses)
        assert code(Allowed.of([], own=OWN), "rebind.example.net") == "probe.address"


def test_a_foreign_name_that_leads_to_the_cluster_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers(monkeypatch, "127.0.0.1")
    assert code(Allowed.of([], own=OWN), "alias.example.net") == "allowed"


def test_a_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch, "127.0.0.1", "127.0.0.1")

    place = Allowed.of([], own=OWN).place("alias.example.net", 443)

    assert asked == ["alias.example.net"]
    assert place.addresses == ("127.0.0.1",)


def test_a_name_without_an_address_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(UnknownHostError, match="Name or service not known"):
        Allowed.of(["nowhere.example.com"]).place("nowhere.example.com", 443)


@pytest.mark.parametrize("host", ["a" * 300, "\N{LATIN SMALL LETTER SHARP S}." * 60, "x..y", "\0"])
def test_what_is_no_name_has_no_address(host: str) -> None:
    with pytest.raises(UnknownHostError):
        Allowed.of([]).place(host, 443)


@pytest.mark.parametrize("entry", ["192.0.2.10/24", "192.0.2.300", "a/b", "1::2::3", "x..y"])
def test_a_wrong_entry_of_the_list_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match=entry[:3]):
        Allowed.of([entry])
