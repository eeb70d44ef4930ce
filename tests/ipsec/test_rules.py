"""What a policy may not say: every input that is refused, by its field and its reason."""

from dataclasses import replace
from typing import Any

import pytest

from certificates.refusal import Refused
from ipsec.policy.choices import (
    PHASE_ONE_GROUPS,
    Authentication,
    DhGroup,
    Encryption,
    Esp,
    Hash,
    IkeVersion,
    PeerType,
)
from ipsec.policy.definition import Definition
from ipsec.policy.profiles import PROFILES, ProfileName
from ipsec.policy.rules import faults, is_name, key_fault, legacy_choices, read_address
from tests.ipsec.definitions import CERTIFICATE, PINNED, UNIFIED_CCX, WEB, of_every_choice

pytestmark = pytest.mark.spec("IP-2")
IKEV1: dict[str, Any] = {"ike_version": IkeVersion.IKEV1}
OLD = replace(WEB, **IKEV1, encryption=Encryption.AES_256, phase_one_dh=DhGroup.GROUP_14)


def having(field: str, value: Any) -> Definition:
    return replace(WEB, **{field: value})


def told(definition: Definition, *, allow_legacy: bool = True) -> list[tuple[str, str]]:
    return [(one.field, one.code) for one in faults(definition, allow_legacy=allow_legacy)]


@pytest.mark.parametrize("definition", [*of_every_choice().values()], ids=[*of_every_choice()])
def test_every_choice_may_be_made(definition: Definition) -> None:
    assert told(definition) == []


@pytest.mark.parametrize("profile", [*ProfileName])
def test_every_profile_is_whole(profile: ProfileName) -> None:
    definition = replace(WEB, **PROFILES[profile].fields)

    assert told(definition) == []
    assert bool(legacy_choices(definition)) == (profile is ProfileName.UNIFIED_CCX)


NAMES = {
    "empty": "",
    "blank": "a b",
    "slash": "a/b",
    "underscore": "a_b",
    "dot": "a.b",
    "at": "a@b",
    "65 characters": "a" * 65,
    "a megabyte": "a" * 1_000_000,
    "line end": "a\n",
    "carriage return": "a\r",
    "nul": "a\0",
    "umlaut": "ä",
    "full-width": "\uff41",
    "cyrillic a": "\u0430",
    "arabic digit": "\u0661",
    "right-to-left override": "a\u202eb",
    "zero-width space": "a\u200bb",
    "soft hyphen": "a\u00adb",
    "non-breaking hyphen": "a\u2011b",
    "script": "<script>",
    "shell": "$(id)",
    "formula": "=1+1",
    "surrogate": "a\ud800",
}


@pytest.mark.parametrize("field", ["group", "name"])
@pytest.mark.parametrize("text", [*NAMES.values()], ids=[*NAMES])
def test_names_that_are_refused(field: str, text: str) -> None:
    [fault] = faults(having(field, text))

    assert (fault.field, fault.code) == (field, "policy.name")
    assert len(fault.sentence) < 1200
    assert fault.sentence.isprintable()


@pytest.mark.parametrize("text", ["a", "-", "A-1", "0", "a" * 64, "--help"])
def test_names_that_are_taken(text: str) -> None:
    assert told(replace(WEB, group=text, name=text)) == []


KEYS = {
    "empty": "",
    "7 characters": "a" * 7,
    "129 characters": "a" * 129,
    "a megabyte": "a" * 1_000_000,
    "blank": "secret word",
    "underscore": "secret_word",
    "line end": "secret-word\n",
    "nul": "secret-word\0",
    "umlaut": "schlüssel-1",
    "full-width": "\uff41" * 8,
    "arabic digits": "\u0661" * 8,
    "quote": 'secret"word',
    "hexadecimal": "0x6162636465666768 ",
    "zero-width": "secret\u200bword",
}


@pytest.mark.parametrize("key", [*KEYS.values()], ids=[*KEYS])
def test_keys_that_are_refused_are_never_told(key: str) -> None:
    fault = key_fault(key)

    assert fault
    assert (fault.field, fault.code) == ("preshared_key", "policy.key")
    assert not key or key not in str(fault) + repr(fault)
    assert "8 to 128" in fault.cure


@pytest.mark.parametrize("key", ["a" * 8, "-" * 128, "Abc-0123", "0x616263646566"])
def test_keys_that_are_taken(key: str) -> None:
    assert key_fault(key) is None


ADDRESSES = {
    "empty": "",
    "blanks": "  ",
    "a word": "localhost",
    "octets missing": "192.0.2",
    "octet too large": "192.0.2.256",
    "leading zero": "192.0.2.010",
    "hexadecimal": "0xc0000201",
    "one number": "3221225985",
    "a network": "192.0.2.0/24",
    "a port": "192.0.2.1:500",
    "a list": "192.0.2.1,192.0.2.2",
    "a range": "192.0.2.1-192.0.2.9",
    "any of IPv4": "0.0.0.0",
    "any of IPv6": "::",
    "multicast of IPv4": "224.0.0.1",
    "multicast of IPv6": "ff02::1",
    "broadcast": "255.255.255.255",
    "mapped": "::ffff:192.0.2.1",
    "mapped in hexadecimal": "::ffff:c000:201",
    "zone": "fe80::1%eth0",
    "brackets": "[2001:db8::1]",
    "too many groups": "1:2:3:4:5:6:7:8:9",
    "two gaps": "2001::db8::1",
    "swanctl's any": "%any",
    "wildcard": "*.example.com",
    "underscore": "a_b.example.com",
    "leading hyphen": "-a.example.com",
    "empty label": "a..example.com",
    "label of 64": f"{'a' * 64}.example.com",
    "254 characters": f"{'a.' * 125}exam",
    "a megabyte": "a." * 500_000,
    "right-to-left override": "a\u202e.example.com",
    "zero-width space": "a\u200b\u200b\u200b .example.com",
    "nul": "a\0.example.com",
    "line end inside": "a.example.com\nb.example.com",
    "script": "<script>.example.com",
    "blank inside": "a b.example.com",
    "full-width digits with a slash": "\uff11.0.2.1/8",
    "surrogate": "\ud800.example.com",
    "broken A-label": "xn--zzzzzz99.example.com",
}


@pytest.mark.parametrize("text", [*ADDRESSES.values()], ids=[*ADDRESSES])
def test_addresses_that_are_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        read_address(text)

    assert refused.value.code == "policy.address"
    assert refused.value.sentence.isprintable()
    assert len(refused.value.sentence) < 1000


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" 192.0.2.1 ", "192.0.2.1"),
        ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("fe80::1", "fe80::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("CCX1.Example.COM.", "ccx1.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a-1.b.example", "a-1.b.example"),
    ],
)
def test_addresses_as_they_are_kept(typed: str, kept: str) -> None:
    assert read_address(typed) == kept
    assert read_address(kept) == kept


@pytest.mark.parametrize(
    ("address", "name"), [("192.0.2.1", False), ("2001:db8::1", False), ("a.example", True)]
)
def test_what_has_to_be_resolved(address: str, name: bool) -> None:
    assert is_name(address) is name


REFUSED: dict[str, tuple[Definition, list[tuple[str, str]]]] = {
    "same host": (
        replace(WEB, destination_address=WEB.source_address),
        [("destination_address", "policy.same-host")],
    ),
    "two families": (
        replace(WEB, destination_address="2001:db8::1"),
        [("destination_address", "policy.family")],
    ),
    "remote port any": (replace(WEB, remote_port=0), [("remote_port", "policy.port")]),
    "phase one without a group": (
        replace(WEB, phase_one_dh=DhGroup.OFF),
        [("phase_one_dh", "policy.dh")],
    ),
    "different with a key": (
        replace(WEB, peer_type=PeerType.DIFFERENT),
        [("peer_type", "policy.peer-type")],
    ),
    "different with a key and a name": (
        replace(WEB, peer_type=PeerType.DIFFERENT, certificate_name="a"),
        [("peer_type", "policy.peer-type"), ("certificate_name", "policy.certificate-name")],
    ),
    "a key and a name": (
        replace(WEB, certificate_name="a"),
        [("certificate_name", "policy.certificate-name")],
    ),
    "same and a name": (
        replace(WEB, **CERTIFICATE, certificate_name="a"),
        [("certificate_name", "policy.certificate-name")],
    ),
    "different without a name": (
        replace(WEB, **CERTIFICATE, peer_type=PeerType.DIFFERENT),
        [("certificate_name", "policy.certificate-name")],
    ),
    "everything at once": (
        replace(WEB, group="", source_port=70_000, phase_two_life_time=1, remote_port=0),
        [
            ("group", "policy.name"),
            ("source_port", "policy.port"),
            ("remote_port", "policy.port"),
            ("phase_two_life_time", "policy.life-time"),
        ],
    ),
    **{
        f"IKEv1 with {cipher} in phase one": (
            replace(OLD, encryption=cipher),
            [("encryption", "policy.ikev1")],
        )
        for cipher in Encryption
        if cipher.is_combined
    },
    "IKEv1 with ChaCha20-Poly1305": (
        replace(OLD, esp=Esp.CHACHA20_POLY1305),
        [("esp", "policy.ikev1")],
    ),
    "IKEv1 with Curve25519 in phase one": (
        replace(OLD, phase_one_dh=DhGroup.GROUP_31),
        [("phase_one_dh", "policy.ikev1")],
    ),
    "IKEv1 with Curve25519 in phase two": (
        replace(OLD, phase_two_dh=DhGroup.GROUP_31),
        [("phase_two_dh", "policy.ikev1")],
    ),
    **{
        f"{field} {port}": (having(field, port), [(field, "policy.port")])
        for field in ("source_port", "destination_port", "remote_port")
        for port in (-1, 65_536, 10**30)
    },
    **{
        f"{field} {seconds}": (having(field, seconds), [(field, "policy.life-time")])
        for field in ("phase_one_life_time", "phase_two_life_time")
        for seconds in (-1, 0, 59, 2_147_484, 99_999_999_999)
    },
}


@pytest.mark.parametrize(("definition", "expected"), [*REFUSED.values()], ids=[*REFUSED])
def test_fields_that_are_refused(definition: Definition, expected: list[tuple[str, str]]) -> None:
    assert told(definition) == expected


TAKEN: dict[str, Definition] = {
    "ports at the ends": replace(WEB, source_port=1, destination_port=65_535, remote_port=65_535),
    "life times at the ends": replace(WEB, phase_one_life_time=60, phase_two_life_time=2_147_483),
    "IPv6": replace(WEB, source_address="2001:db8::1", destination_address="2001:db8::2"),
    "a name beside an address": replace(WEB, destination_address="ccx2.example.com"),
    "a name beside IPv6": replace(WEB, source_address="::2", destination_address="a.example"),
    "certificates of whoever is trusted": replace(WEB, **CERTIFICATE),
    "one named certificate": replace(WEB, **PINNED),
    "IKEv1 with AES-GCM in phase two": replace(OLD, esp=Esp.AES_256_GCM),
    "IKEv1 with SHA-512": replace(OLD, hash=Hash.SHA512),
    "no forward secrecy": replace(WEB, phase_two_dh=DhGroup.OFF),
}


@pytest.mark.parametrize("definition", [*TAKEN.values()], ids=[*TAKEN])
def test_fields_that_are_taken(definition: Definition) -> None:
    assert told(definition) == []


WEAK: dict[str, tuple[str, Any]] = {
    **{f"encryption {one}": ("encryption", one) for one in (Encryption.DES, Encryption.TRIPLE_DES)},
    **{f"esp {one}": ("esp", one) for one in (Esp.NULL_ENC, Esp.DES, Esp.TRIPLE_DES, Esp.BLOWFISH)},
    **{f"hash {one}": ("hash", one) for one in (Hash.MD5, Hash.SHA1)},
    **{
        f"{field} {group}": (field, group)
        for field in ("phase_one_dh", "phase_two_dh")
        for group in (DhGroup.GROUP_1, DhGroup.GROUP_2, DhGroup.GROUP_5)
    },
}


@pytest.mark.parametrize(("field", "choice"), [*WEAK.values()], ids=[*WEAK])
def test_each_weak_choice_is_marked_and_can_be_forbidden(field: str, choice: Any) -> None:
    definition = having(field, choice)

    assert told(definition) == []
    assert legacy_choices(definition) == [(field, choice.label)]
    [fault] = faults(definition, allow_legacy=False)
    assert (fault.field, fault.code) == (field, "policy.legacy")
    assert choice.label in fault.sentence


def test_nothing_else_is_weak() -> None:
    strong = [
        *(replace(WEB, encryption=one) for one in Encryption if ("encryption", one) not in weak()),
        *(replace(WEB, esp=one) for one in Esp if ("esp", one) not in weak()),
        *(replace(WEB, hash=one) for one in Hash if ("hash", one) not in weak()),
        *(replace(WEB, phase_one_dh=one) for one in PHASE_ONE_GROUPS if one > DhGroup.GROUP_5),
        replace(WEB, phase_two_dh=DhGroup.OFF),
        replace(WEB, authentication=Authentication.CERTIFICATE),
        OLD,
    ]

    assert [told(one, allow_legacy=False) for one in strong] == [[]] * len(strong)


def weak() -> set[tuple[str, Any]]:
    return set(WEAK.values())


def test_all_of_the_originals_choices_are_forbidden_at_once() -> None:
    assert told(UNIFIED_CCX, allow_legacy=False) == [
        (field, "policy.legacy")
        for field in ("encryption", "hash", "phase_one_dh", "esp", "phase_two_dh")
    ]
