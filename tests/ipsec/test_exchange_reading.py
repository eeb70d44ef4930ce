"""Our JSON: what is written is read again; everything else is refused with its reason."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.refusal import Refused
from certificates.x509.visible import visible
from ipsec.exchange.document import document
from ipsec.exchange.mirror import Connection, Mirror
from ipsec.exchange.reading import LARGEST, read_export
from ipsec.exchange.values import value_of
from ipsec.policy.choices import (
    PHASE_ONE_GROUPS,
    Authentication,
    DhGroup,
    Encryption,
    Esp,
    Hash,
    IkeVersion,
    PeerType,
    Protocol,
)
from ipsec.policy.definition import Definition
from tests.ipsec.definitions import MADE_AT, PINNED, WEB, mirror, of_every_choice

pytestmark = pytest.mark.spec("IP-2")


def test_every_choice_is_read_as_it_was_written() -> None:
    made = mirror(*of_every_choice().values())

    found = read_export(document(made))

    assert list(found.policies) == made.policies
    assert (found.made_by, found.made_at) == ("ccx1.example.com", MADE_AT)


def value_is_fine(text: str) -> bool:
    try:
        value_of("certificate_name", text, "")
    except Refused:
        return False
    return True


NAMES = st.from_regex(r"[A-Za-z0-9-]{1,64}", fullmatch=True)
HOSTS = st.one_of(
    st.ip_addresses(network="10.0.0.0/8").map(str),
    st.ip_addresses(network="fd00::/8").map(str),
    st.from_regex(r"[a-z][a-z0-9]{0,20}(\.[a-z][a-z0-9]{0,20}){1,3}", fullmatch=True),
)
LIVES = st.integers(60, 2_147_483)
DEFINITIONS = st.builds(
    Definition,
    group=NAMES,
    name=NAMES,
    authentication=st.sampled_from(Authentication),
    source_address=HOSTS,
    source_port=st.integers(0, 65_535),
    destination_address=HOSTS,
    destination_port=st.integers(0, 65_535),
    protocol=st.sampled_from(Protocol),
    remote_port=st.integers(1, 65_535),
    ike_version=st.sampled_from(IkeVersion),
    encryption=st.sampled_from(Encryption),
    hash=st.sampled_from(Hash),
    phase_one_life_time=LIVES,
    phase_one_dh=st.sampled_from(PHASE_ONE_GROUPS),
    esp=st.sampled_from(Esp),
    phase_two_life_time=LIVES,
    phase_two_dh=st.sampled_from(DhGroup),
) | st.builds(
    lambda name: replace(
        WEB,
        authentication=Authentication.CERTIFICATE,
        peer_type=PeerType.DIFFERENT,
        certificate_name=name,
    ),
    st.text(
        st.characters(categories=["L", "N", "P", "S", "Zs"], codec="utf-8"), max_size=200
    ).filter(value_is_fine),
)


@given(policies=st.lists(DEFINITIONS, min_size=1, max_size=5, unique_by=str))
def test_whatever_is_written_is_read_again(policies: list[Definition]) -> None:
    made = Mirror((Connection(tuple(policies), 500),), made_by="ccx1", made_at=MADE_AT)

    assert list(read_export(document(made)).policies) == policies


@given(data=st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(Refused):
        read_export(data)


GOOD: dict[str, Any] = json.loads(document(mirror(WEB)))
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(field=st.sampled_from([field.name for field in fields(Definition)]), value=ANYTHING)
def test_any_value_is_read_or_refused_with_its_field(field: str, value: Any) -> None:
    policy = GOOD["policies"][0] | {field: value}
    data = json.dumps(GOOD | {"policies": [policy]}).encode()

    try:
        read_export(data)
    except Refused as refused:
        told = refused
    else:
        return
    assert told.code == "exported.value"
    assert f'"{field}"' in told.sentence
    assert visible(told.sentence) == told.sentence


def changed(**top: Any) -> bytes:
    return json.dumps({key: value for key, value in (GOOD | top).items() if value != ...}).encode()


def policy(**changes: Any) -> bytes:
    one = {key: value for key, value in (GOOD["policies"][0] | changes).items() if value != ...}
    return changed(policies=[one])


def text(old: str, new: str) -> bytes:
    written = document(mirror(WEB)).decode()
    assert old in written
    return written.replace(old, new).encode()


KEY = "hunter2-hunter2"
CASES: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", "exported.json", "not JSON"),
    "too large": (lambda: b" " * (LARGEST + 1), "exported.size", "1,048,577 bytes"),
    "utf-16": (lambda: "{}".encode("utf-16"), "exported.text", "UTF-8"),
    "byte order mark": (lambda: b"\xef\xbb\xbf" + changed(), "exported.json", "BOM"),
    "deep": (lambda: b"[" * 100_000, "exported.json", "not JSON"),
    "cut": (lambda: document(mirror(WEB))[:-5], "exported.json", "in line"),
    "nan": (lambda: text('"version": 1', '"version": NaN'), "exported.json", "NaN"),
    "endless number": (
        lambda: text('"version": 1', f'"version": {"9" * 5000}'),
        "exported.json",
        "not JSON",
    ),
    "a list": (lambda: b"[]", "exported.format", "ccxsec-ipsec-policies"),
    "other format": (lambda: changed(format="x"), "exported.format", "ccxsec-ipsec-policies"),
    "no format": (lambda: changed(format=...), "exported.format", "ccxsec-ipsec-policies"),
    "version 2": (lambda: changed(version=2), "exported.version", '"version" is 2'),
    "version true": (lambda: changed(version=True), "exported.version", '"version" is true'),
    "version 1.0": (lambda: changed(version=1.0), "exported.version", '"version" is 1.0'),
    "version text": (lambda: changed(version="1"), "exported.version", '"version" is "1"'),
    "duplicate": (
        lambda: text('"mode": "transport"', '"mode": "transport", "mode": "transport"'),
        "exported.field",
        '"mode" stands twice',
    ),
    "unknown at the top": (lambda: changed(made_for="x"), "exported.field", '"made_for"'),
    "unknown": (lambda: policy(preshared_key=KEY), "exported.field", '"preshared_key"'),
    "hostile name": (lambda: policy(**{"a\u202eb\n": 1}), "exported.field", '"a\\u{202e}b\\u{a}"'),
    "missing": (lambda: policy(esp=...), "exported.field", 'lacks the field "esp"'),
    "missing at the top": (lambda: changed(made_at=...), "exported.field", '"made_at"'),
    "about": (lambda: changed(about=1), "exported.value", '"about" is 1'),
    "made_by": (lambda: changed(made_by="a\u202eb"), "exported.value", '"made_by" is "a\\u{202e}'),
    "made_at": (lambda: changed(made_at="yesterday"), "exported.value", '"made_at" is "yesterday"'),
    "made_at short": (lambda: changed(made_at="2026-1-2T3:4:5Z"), "exported.value", "UTC"),
    "policies": (lambda: changed(policies={}), "exported.value", '"policies" is an object'),
    "no policy": (lambda: changed(policies=[]), "exported.count", "0 policies"),
    "too many": (lambda: changed(policies=[1] * 1001), "exported.count", "1,001 policies"),
    "not an object": (lambda: changed(policies=[7]), "exported.value", "Policy 1 is 7"),
    "twice": (lambda: changed(policies=GOOD["policies"] * 2), "exported.twice", "Cluster-1/web-a"),
    "bool for a number": (
        lambda: policy(source_port=True),
        "exported.value",
        '"source_port" is true',
    ),
    "float for a number": (
        lambda: policy(source_port=1.0),
        "exported.value",
        '"source_port" is 1.0',
    ),
    "text for a number": (
        lambda: policy(source_port="443"),
        "exported.value",
        '"source_port" is "443"',
    ),
    "port": (lambda: policy(source_port=70_000), "exported.value", "from 0 to 65,535"),
    "negative": (lambda: policy(destination_port=-1), "exported.value", "from 0 to 65,535"),
    "remote port": (lambda: policy(remote_port=0), "exported.value", "from 1 to 65,535"),
    "life": (lambda: policy(phase_one_life_time=59), "exported.value", "from 60 to 2,147,483"),
    "long life": (
        lambda: policy(phase_two_life_time=2_147_484),
        "exported.value",
        "from 60 to 2,147,483",
    ),
    "group off": (lambda: policy(phase_one_dh=0), "exported.value", '"phase_one_dh" is 0'),
    "group true": (lambda: policy(phase_two_dh=True), "exported.value", '"phase_two_dh" is true'),
    "cipher": (lambda: policy(esp="aes"), "exported.value", "RIJNDAEL"),
    "tunnel": (lambda: policy(mode="tunnel"), "exported.value", 'must be "transport"'),
    "ike version": (lambda: policy(ike_version=3), "exported.value", "1 or 2"),
    "name": (lambda: policy(name="a b"), "exported.value", "letters, digits and hyphens"),
    "name with a line": (lambda: policy(name="a\n"), "exported.value", '"name" is "a\\u{a}"'),
    "other digits": (lambda: policy(name="٣"), "exported.value", "letters, digits and hyphens"),
    "long name": (lambda: policy(group="g" * 65), "exported.value", "1 to 64"),
    "address": (lambda: policy(source_address="10.0.0.256"), "exported.value", "IPv4"),
    "zone": (lambda: policy(source_address="fe80::1%eth0"), "exported.value", "IPv6"),
    "mapped": (lambda: policy(source_address="::ffff:10.0.0.2"), "exported.value", "IPv6"),
    "blank": (lambda: policy(source_address=" 10.0.0.2"), "exported.value", '" 10.0.0.2"'),
    "wildcard": (lambda: policy(destination_address="%any"), "exported.value", "host name"),
    "host name": (lambda: policy(destination_address="a..b"), "exported.value", "host name"),
    "null": (lambda: policy(hash=None), "exported.value", '"hash" is null'),
    "certificate name": (
        lambda: policy(certificate_name="x"),
        "exported.value",
        "names no certificate",
    ),
    "hidden in it": (
        lambda: policy(
            authentication="certificate", peer_type="different", certificate_name="a\u200bb"
        ),
        "exported.value",
        '"certificate_name" is "a\\u{200b}b"',
    ),
}


@pytest.mark.parametrize(("make", "code", "said"), CASES.values(), ids=CASES)
def test_refuses_with_the_field_and_its_value(
    make: Callable[[], bytes], code: str, said: str
) -> None:
    with pytest.raises(Refused) as refusal:
        read_export(make())

    assert refusal.value.code == code
    assert said in refusal.value.sentence
    assert visible(refusal.value.sentence) == refusal.value.sentence
    assert len(refusal.value.sentence) < 300
    assert refusal.value.cure
    assert KEY not in str(refusal.value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("FD00:0::2", "fd00::2"),
        ("CCX2.Example.com", "ccx2.example.com"),
    ],
)
def test_addresses_come_in_one_way_of_writing(written: str, read: str) -> None:
    assert read_export(policy(source_address=written)).policies[0].source_address == read


def test_the_document_says_what_it_is_and_holds_no_key() -> None:
    made = document(mirror(replace(WEB, **PINNED)))

    assert made.endswith(b"}\n")
    assert b"\r" not in made
    content = json.loads(made)
    assert list(content)[:3] == ["format", "version", "about"]
    assert "counterparts of those of ccx1.example.com: Cluster-1/web-a" in content["about"]
    assert content["policies"][0]["certificate_name"] == "own.example.com"
    assert datetime.fromisoformat(content["made_at"]) == datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
