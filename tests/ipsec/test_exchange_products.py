"""The exports for Libreswan and Cisco IOS: what they say, and what they refuse to say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from certificates.refusal import Refused
from ipsec.exchange.cisco import ios_configuration
from ipsec.exchange.formats import Format, written
from ipsec.exchange.heading import KEY_PLACEHOLDER
from ipsec.exchange.libreswan import ipsec_conf
from ipsec.exchange.mirror import Mirror
from ipsec.policy.choices import DhGroup, Encryption, Esp, Hash, IkeVersion, Protocol
from tests.ipsec.definitions import (
    CERTIFICATE,
    FIPS,
    PINNED,
    UNIFIED_CCX,
    WEB,
    mirror,
    of_every_choice,
)

pytestmark = pytest.mark.spec("IP-2")
V1: dict[str, Any] = {
    "ike_version": IkeVersion.IKEV1,
    "encryption": Encryption.AES_256,
    "esp": Esp.AES_256,
    "phase_two_dh": DhGroup.GROUP_14,
}
ANY = {"protocol": Protocol.ANY, "destination_port": 0}
UDP = {"protocol": Protocol.UDP, "source_port": 53}
WRITERS: dict[str, Callable[[Mirror], str]] = {
    "Libreswan": ipsec_conf,
    "Cisco IOS": ios_configuration,
}
LIBRESWAN = """
conn ccxsec.Cluster-1.web-a
    type=transport
    left=10.0.0.2
    right=10.0.0.1
    leftprotoport=tcp/443
    rightprotoport=tcp
    authby=secret
    leftid=10.0.0.2
    rightid=10.0.0.1
    ikev2=yes
    ike=aes_gcm256-sha2_384;dh20
    ikelifetime=28800s
    esp=aes_gcm256;dh20
    pfs=yes
    salifetime=3600s
    auto=ondemand
"""
CISCO = """\
!
crypto isakmp policy 10
 encryption 3des
 hash sha
 authentication pre-share
 group 2
 lifetime 3600
! crypto isakmp key PUT-THE-PRE-SHARED-KEY-HERE address 10.0.0.1
!
! Cluster-1/web-a
crypto ipsec transform-set CCXSEC-10 esp-3des esp-sha-hmac
 mode transport
ip access-list extended CCXSEC-10
 permit tcp host 10.0.0.2 eq 443 host 10.0.0.1
crypto map CCXSEC 10 ipsec-isakmp
 description Cluster-1/web-a
 match address CCXSEC-10
 set peer 10.0.0.1
 set transform-set CCXSEC-10
 set pfs group2
 set security-association lifetime seconds 3600
!
end
"""


def test_a_policy_for_libreswan() -> None:
    assert ipsec_conf(mirror(WEB)).endswith(LIBRESWAN)


def test_the_policy_of_the_original_for_ios() -> None:
    assert ios_configuration(mirror(UNIFIED_CCX)).endswith(CISCO)


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        (V1, ["ikev2=no", "ike=aes256-sha2_384;dh20", "esp=aes256-sha2_384;modp2048"]),
        ({"phase_two_dh": DhGroup.OFF}, ["pfs=no", "esp=aes_gcm256"]),
        ({"esp": Esp.NULL_ENC, "hash": Hash.SHA1}, ["esp=null-sha1;dh20"]),
        ({"esp": Esp.RIJNDAEL, "hash": Hash.MD5}, ["esp=aes128-md5;dh20"]),
        ({"remote_port": 1500}, ["leftikeport=1500", "rightikeport=4500"]),
        ({"remote_port": 4500}, ["rightikeport=4500"]),
        ({"phase_one_life_time": 90_000}, ["ikelifetime=86400s"]),
        (CERTIFICATE, ["leftcert=ccxsec-own", "rightid=%fromcert"]),
        (PINNED, ["rightcert=ccxsec-peer"]),
        (V1 | CERTIFICATE, ["authby=rsasig"]),
    ],
    ids=["ikev1", "no-pfs", "null", "rijndael", "1500", "4500", "life", "same", "pin", "v1-cert"],
)
def test_fields_in_the_words_of_libreswan(changes: dict[str, Any], lines: list[str]) -> None:
    text = ipsec_conf(mirror(replace(WEB, **changes)))

    assert [line for line in lines if f"    {line}\n" not in text] == []


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, [" encryption aes-gcm-256", " prf sha384", " group 20", " lifetime 28800"]),
        ({}, ["! pre-shared-key PUT-THE-PRE-SHARED-KEY-HERE", " keyring local CCXSEC-1"]),
        ({}, ["crypto ipsec transform-set CCXSEC-10 esp-gcm 256", " set ikev2-profile CCXSEC-1"]),
        ({"encryption": Encryption.AES_128}, [" encryption aes-cbc-128", " integrity sha384"]),
        (V1, [" encryption aes 256", " hash sha384", " set pfs group14"]),
        ({"esp": Esp.NULL_ENC}, ["crypto ipsec transform-set CCXSEC-10 esp-null esp-sha384-hmac"]),
        ({"phase_two_life_time": 60}, [" set security-association lifetime seconds 120"]),
        (ANY, [" permit ip host 10.0.0.2 host 10.0.0.1"]),
        (UDP, [" permit udp host 10.0.0.2 eq 443 host 10.0.0.1 eq 53"]),
        (CERTIFICATE, [" authentication remote rsa-sig", " pki trustpoint CCXSEC-CA"]),
        (V1 | CERTIFICATE, [" authentication rsa-sig"]),
    ],
    ids=["v2", "key", "gcm", "cbc", "v1", "null", "life", "any", "udp", "cert", "v1-cert"],
)  # fmt: skip
def test_fields_in_the_words_of_ios(changes: dict[str, Any], lines: list[str]) -> None:
    text = ios_configuration(mirror(replace(WEB, **changes)))

    assert [line for line in lines if f"{line}\n" not in text] == []


def test_no_pfs_is_no_line_in_ios() -> None:
    assert "pfs" not in ios_configuration(mirror(replace(WEB, phase_two_dh=DhGroup.OFF)))


IMPOSSIBLE: dict[str, tuple[str, dict[str, Any], str]] = {
    "libreswan des": ("Libreswan", {"encryption": Encryption.DES}, "has no DES"),
    "libreswan blowfish": ("Libreswan", {"esp": Esp.BLOWFISH}, "has no BLOWFISH"),
    "libreswan group 1": ("Libreswan", {"phase_one_dh": DhGroup.GROUP_1}, "group 1 (MODP 768)"),
    "libreswan gcm in v1": (
        "Libreswan",
        V1 | {"encryption": Encryption.AES_128_GCM},
        "AES-128-GCM in IKEv1",
    ),
    "libreswan chacha in v1": (
        "Libreswan",
        V1 | {"esp": Esp.CHACHA20_POLY1305},
        "ChaCha20-Poly1305 in IKEv1",
    ),
    "libreswan ecp in v1": (
        "Libreswan",
        V1 | {"phase_two_dh": DhGroup.GROUP_19},
        "in phase two of IKEv1",
    ),
    "libreswan any port": ("Libreswan", {"protocol": Protocol.ANY}, "only with TCP or UDP"),
    "ios chacha": (
        "Cisco IOS",
        {"encryption": Encryption.CHACHA20_POLY1305},
        "ChaCha20-Poly1305 in IKEv2",
    ),
    "ios esp chacha": ("Cisco IOS", {"esp": Esp.CHACHA20_POLY1305}, "has no ChaCha20-Poly1305"),
    "ios blowfish": ("Cisco IOS", {"esp": Esp.BLOWFISH}, "has no BLOWFISH"),
    "ios gcm in v1": (
        "Cisco IOS",
        V1 | {"encryption": Encryption.AES_256_GCM},
        "AES-256-GCM in IKEv1",
    ),
    "ios group 31": ("Cisco IOS", {"phase_one_dh": DhGroup.GROUP_31}, "31 (Curve25519)"),
    "ios group 17": ("Cisco IOS", {"phase_two_dh": DhGroup.GROUP_17}, "17 (MODP 6144)"),
    "ios any port": ("Cisco IOS", {"protocol": Protocol.ANY}, "only with TCP or UDP"),
    "ios ipv6": (
        "Cisco IOS",
        {"source_address": "fd00::1", "destination_address": "fd00::2"},
        "IPv4",
    ),
    "ios name": ("Cisco IOS", {"destination_address": "b.example.com"}, "IPv4"),
    "ios 1500": ("Cisco IOS", {"remote_port": 1500}, "at the port 1500"),
    "ios life in v1": (
        "Cisco IOS",
        V1 | {"phase_one_life_time": 90_000},
        "Life Time of 90,000 seconds",
    ),
}


@pytest.mark.parametrize(("product", "changes", "said"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_a_product_lacks_is_refused(product: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refusal:
        WRITERS[product](mirror(replace(WEB, **changes)))

    assert refusal.value.code == "export.impossible"
    assert refusal.value.sentence.startswith(f"Cluster-1/web-a is left out: {product} ")
    assert said in refusal.value.sentence


@pytest.mark.parametrize("product", WRITERS)
def test_what_can_be_said_is_said_and_the_rest_named(product: str) -> None:
    blowfish = replace(FIPS, name="old", esp=Esp.BLOWFISH)

    text = WRITERS[product](mirror(FIPS, blowfish))

    mark = "#" if product == "Libreswan" else "!"
    assert f"{mark} Cluster-1/old is left out: {product} has no BLOWFISH.\n" in text
    assert text.count("old") == 2  # in the list of what was asked for, and there


@pytest.mark.parametrize("chosen", Format)
def test_every_format_begins_with_what_it_is(chosen: Format) -> None:
    made = mirror(FIPS, replace(FIPS, name="db"))

    text = written(made, chosen).decode()

    top = text.partition("\nconn")[0][:1500]
    for said in ("10.0.0.2", "ccx1.example.com", "Cluster-1/web-a", "Cluster-1/db", "y hand"):
        assert said in top
    assert "pre-shared key" in " ".join(top.split()).replace("# ", "").replace("! ", "")
    assert "\r" not in text
    assert text.endswith("\n")


@pytest.mark.parametrize("chosen", [Format.STRONGSWAN, Format.LIBRESWAN, Format.CISCO])
def test_the_place_for_the_key_is_a_comment(chosen: Format) -> None:
    """A placeholder that is in force would be a key that everybody knows."""
    lines = written(mirror(FIPS), chosen).decode().splitlines()
    places = [line for line in lines if KEY_PLACEHOLDER in line]

    assert places
    assert [line for line in places if line.lstrip()[0] not in "#!"] == []


def test_the_line_with_the_key_can_be_copied_whole() -> None:
    lines = written(mirror(FIPS), Format.LIBRESWAN).decode().splitlines()

    assert f'#        10.0.0.2 10.0.0.1 : PSK "{KEY_PLACEHOLDER}"' in lines
    assert "ipsec auto --route NAME" in " ".join(lines).replace(" #  ", "")


@pytest.mark.parametrize(("chosen", "name"), [
    (Format.CCXSEC, "ccxsec-10-0-0-2.json"),
    (Format.STRONGSWAN, "ccxsec-10-0-0-2.swanctl.conf"),
    (Format.LIBRESWAN, "ccxsec-10-0-0-2.ipsec.conf"),
    (Format.CISCO, "ccxsec-10-0-0-2.ios.txt"),
])  # fmt: skip
def test_the_file_is_named_after_the_peer(chosen: Format, name: str) -> None:
    assert chosen.file_name(mirror(WEB)) == name
    assert chosen.label


@pytest.mark.parametrize("label", of_every_choice())
@pytest.mark.parametrize("product", WRITERS)
def test_every_choice_is_written_or_refused(product: str, label: str) -> None:
    try:
        text = WRITERS[product](mirror(of_every_choice()[label]))
    except Refused as refused:
        text = refused.sentence
    assert "None" not in text
