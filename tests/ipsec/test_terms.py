"""A policy in strongSwan's terms: the whole mapping, as charon takes it."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from ipsec.policy.choices import DhGroup, Encryption, Esp, Hash, IkeVersion, Protocol
from ipsec.policy.definition import Definition
from ipsec.policy.terms import (
    Credentials,
    connection,
    esp_proposal,
    ike_proposal,
    masked,
    policy_of,
    selector,
)
from tests.ipsec.definitions import CERTIFICATE, UNIFIED_CCX, WEB

pytestmark = pytest.mark.spec("IP-2", "IP-7")
KEY = Credentials(key_mark="0011")
GROUPS = {
    1: "modp768",
    2: "modp1024",
    5: "modp1536",
    14: "modp2048",
    15: "modp3072",
    16: "modp4096",
    17: "modp6144",
    18: "modp8192",
    19: "ecp256",
    20: "ecp384",
    21: "ecp521",
    31: "x25519",
}
HASHES = {
    Hash.MD5: "md5",
    Hash.SHA1: "sha1",
    Hash.SHA256: "sha256",
    Hash.SHA384: "sha384",
    Hash.SHA512: "sha512",
}
PLAIN = {
    Encryption.DES: "des",
    Encryption.TRIPLE_DES: "3des",
    Encryption.AES_128: "aes128",
    Encryption.AES_256: "aes256",
}
COMBINED = {
    Encryption.AES_128_GCM: "aes128gcm16",
    Encryption.AES_256_GCM: "aes256gcm16",
    Encryption.CHACHA20_POLY1305: "chacha20poly1305",
}
ESP_PLAIN = {
    Esp.NULL_ENC: "null",
    Esp.DES: "des",
    Esp.TRIPLE_DES: "3des",
    Esp.BLOWFISH: "blowfish128",
    Esp.RIJNDAEL: "aes128",
    Esp.AES_128: "aes128",
    Esp.AES_256: "aes256",
}
ESP_COMBINED = {Esp(cipher.value): term for cipher, term in COMBINED.items()}


def test_every_choice_is_in_the_tables() -> None:
    assert {*PLAIN, *COMBINED} == {*Encryption}
    assert {*ESP_PLAIN, *ESP_COMBINED} == {*Esp}
    assert {*HASHES} == {*Hash}
    assert {0, *GROUPS} == {group.value for group in DhGroup}


@pytest.mark.parametrize("hash_", [*Hash])
@pytest.mark.parametrize("encryption", [*Encryption])
def test_phase_one(encryption: Encryption, hash_: Hash) -> None:
    digest = HASHES[hash_] if encryption in PLAIN else f"prf{HASHES[hash_]}"
    for number, group in GROUPS.items():
        chosen = replace(WEB, encryption=encryption, hash=hash_, phase_one_dh=DhGroup(number))

        assert ike_proposal(chosen) == f"{(PLAIN | COMBINED)[encryption]}-{digest}-{group}"


@pytest.mark.parametrize("hash_", [*Hash])
@pytest.mark.parametrize("esp", [*Esp])
def test_phase_two(esp: Esp, hash_: Hash) -> None:
    start = f"{ESP_PLAIN[esp]}-{HASHES[hash_]}" if esp in ESP_PLAIN else ESP_COMBINED[esp]
    for number, group in {0: "", **GROUPS}.items():
        chosen = replace(WEB, esp=esp, hash=hash_, phase_two_dh=DhGroup(number))

        assert esp_proposal(chosen) == (f"{start}-{group}" if group else start)


@pytest.mark.parametrize(
    ("protocol", "port", "term"),
    [
        (Protocol.ANY, 0, "dynamic"),
        (Protocol.ANY, 8443, "dynamic[any/8443]"),
        (Protocol.TCP, 0, "dynamic[tcp]"),
        (Protocol.TCP, 443, "dynamic[tcp/443]"),
        (Protocol.UDP, 0, "dynamic[udp]"),
        (Protocol.UDP, 65_535, "dynamic[udp/65535]"),
    ],
)
def test_selectors(protocol: Protocol, port: int, term: str) -> None:
    assert selector(protocol, port) == term


def test_the_manuals_defaults() -> None:
    chosen = replace(UNIFIED_CCX, source_port=1024)
    made = connection([chosen], KEY)

    assert made.body == {
        "version": "1",
        "local_addrs": ["10.0.0.1"],
        "remote_addrs": ["10.0.0.2"],
        "proposals": ["3des-sha1-modp1024"],
        "rekey_time": "3240s",
        "over_time": "360s",
        "rand_time": "180s",
        "dpd_delay": "30s",
        "mobike": "no",
        "encap": "no",
        "local": {"auth": "psk", "id": "10.0.0.1"},
        "remote": {"auth": "psk", "id": "10.0.0.2"},
        "children": {
            made.children["Cluster-1/web-a"]: {
                "mode": "transport",
                "esp_proposals": ["3des-sha1-modp1024"],
                "local_ts": ["dynamic[tcp/1024]"],
                "remote_ts": ["dynamic[tcp/443]"],
                "life_time": "3600s",
                "rekey_time": "3240s",
                "rand_time": "180s",
                "start_action": "trap|start",
                "close_action": "trap",
                "dpd_action": "trap",
            }
        },
    }
    assert (made.key_name, made.owners) == (made.name, ("10.0.0.1", "10.0.0.2"))
    assert made.name.startswith("ccxsec/10.0.0.1/10.0.0.2@")
    assert policy_of(made.children["Cluster-1/web-a"]) == "Cluster-1/web-a"


@pytest.mark.parametrize("version", [*IkeVersion])
def test_the_version_is_always_said(version: IkeVersion) -> None:
    assert connection([replace(WEB, ike_version=version)], KEY).body["version"] == str(int(version))


@pytest.mark.parametrize(
    ("port", "ports"),
    [(500, (None, None)), (4500, ("4500", "4500")), (1500, ("1500", "4500"))],
)
def test_a_port_other_than_500_needs_the_marker_of_4500(
    port: int, ports: tuple[str | None, str | None]
) -> None:
    body = connection([replace(WEB, remote_port=port)], KEY).body

    assert (body.get("remote_port"), body.get("local_port")) == ports


def test_the_shortest_and_the_longest_life() -> None:
    short = replace(WEB, phase_one_life_time=60, phase_two_life_time=60)
    long = replace(WEB, phase_one_life_time=2_147_483, phase_two_life_time=2_147_483)

    for chosen, rekey in ((short, "54s"), (long, "1932734s")):
        made = connection([chosen], KEY)
        [child] = made.body["children"].values()
        assert made.body["rekey_time"] == child["rekey_time"] == rekey


def test_certificates() -> None:
    same = connection(
        [replace(WEB, **CERTIFICATE)],
        Credentials(certificate=b"own", authorities=[b"ca"]),
    )
    pinned = connection([WEB_PINNED], Credentials(certificate=b"own", peers=[b"peer"]))

    assert same.body["local"] == {"auth": "pubkey", "certs": [b"own"]}
    assert same.body["remote"] == {"auth": "pubkey", "id": "%any", "cacerts": [b"ca"]}
    assert pinned.body["remote"] == {"auth": "pubkey", "id": "%any", "certs": [b"peer"]}
    assert (same.key_name, same.owners) == ("", ())
    assert masked(pinned.body)["remote"]["certs"] == [
        f"certificate {hashlib.sha256(b'peer').hexdigest()}"
    ]


WEB_PINNED = replace(WEB, **CERTIFICATE)


def test_policies_of_a_pair_are_children_of_one_connection() -> None:
    other = replace(WEB, name="b", destination_port=80)

    made = connection([WEB, other], KEY)

    assert list(made.children) == ["Cluster-1/web-a", "Cluster-1/b"]
    assert set(made.body["children"]) == set(made.children.values())
    # What is said of a child changes neither its brother nor the connection.
    third = connection([WEB, replace(other, phase_two_life_time=60)], KEY)
    assert third.name == made.name
    assert third.children["Cluster-1/web-a"] == made.children["Cluster-1/web-a"]
    assert third.children["Cluster-1/b"] != made.children["Cluster-1/b"]


OF_THE_CONNECTION: dict[str, Any] = {
    "ike_version": IkeVersion.IKEV1,
    "encryption": Encryption.AES_256,
    "hash": Hash.SHA512,
    "phase_one_life_time": 60,
    "phase_one_dh": DhGroup.GROUP_14,
    "remote_port": 4500,
    "source_address": "10.0.0.3",
    "destination_address": "10.0.0.3",
}
OF_THE_CHILD: dict[str, Any] = {
    "protocol": Protocol.UDP,
    "source_port": 1,
    "destination_port": 1,
    "esp": Esp.AES_128,
    "phase_two_life_time": 60,
    "phase_two_dh": DhGroup.OFF,
    "group": "other",
    "name": "other",
}


@pytest.mark.parametrize("field", [*OF_THE_CONNECTION])
def test_another_phase_one_is_another_connection(field: str) -> None:
    changed = replace(WEB, **{field: OF_THE_CONNECTION[field]})

    assert connection([changed], KEY).name != connection([WEB], KEY).name


@pytest.mark.parametrize("field", [*OF_THE_CHILD])
def test_another_phase_two_is_another_child(field: str) -> None:
    changed = replace(WEB, **{field: OF_THE_CHILD[field]})

    made, before = connection([changed], KEY), connection([WEB], KEY)
    assert made.name == before.name
    assert set(made.body["children"]).isdisjoint(before.body["children"])


def test_another_key_or_certificate_is_another_connection() -> None:
    names = {
        connection([WEB], KEY).name,
        connection([WEB], Credentials(key_mark="2233")).name,
        connection([WEB_PINNED], Credentials(certificate=b"own", peers=[b"peer"])).name,
        connection([WEB_PINNED], Credentials(certificate=b"new", peers=[b"peer"])).name,
        connection([WEB_PINNED], Credentials(certificate=b"own", peers=[b"other"])).name,
        connection([WEB_PINNED], Credentials(certificate=b"own", authorities=[b"peer"])).name,
    }

    assert len(names) == 6


def test_the_longest_names_fit_the_protocol() -> None:
    host = f"{'a' * 61}.{'b' * 61}.{'c' * 61}.{'d' * 61}.com"
    long: Definition = replace(
        WEB,
        group="g" * 64,
        name="n" * 64,
        source_address=host,
        destination_address=f"x{host[1:]}",
    )

    made = connection([long], KEY)

    assert len(host) <= 253
    assert max(len(made.name), *map(len, made.children.values())) < 255
    assert made.name != connection([replace(long, source_address="10.0.0.1")], KEY).name
