"""A manifest is read strictly, whoever wrote it; only what is unknown is passed over."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from bulk.exchange.export import read_export
from tests.bulk.archives import CLUSTER, ID, items
from tests.bulk.crafting import items as listed
from tests.bulk.crafting import manifest, packed, refusal_of, row, signed, tar

pytestmark = pytest.mark.spec("BK-5")
DIGITS = b"9" * 10_000


def _alone(text: bytes) -> bytes:
    return packed(tar({"manifest.json": text}))


def _put(name: str, raw: bytes) -> bytes:
    """A manifest with something in it that no JSON library writes."""
    return manifest(**{name: 0}).replace(f'"{name}": 0'.encode(), f'"{name}": '.encode() + raw)


TEXTS: list[tuple[str, Callable[[], bytes], str]] = [
    ("empty", lambda: b"", "not JSON"),
    ("no JSON", lambda: b"<html>", "not JSON"),
    ("a list", lambda: b"[]", "a list, no object"),
    ("a number", lambda: b"1", "1, no object"),
    ("UTF-16", lambda: manifest().decode().encode("utf-16"), "UTF-8"),
    ("a mark of byte order", lambda: b"\xef\xbb\xbf" + manifest(), "not JSON"),
    ("latin-1", lambda: b'{"a": "\xe9"}', "UTF-8"),
    ("two values", lambda: manifest() + b"{}", "not JSON"),
    ("nested in lists", lambda: b"[" * 100_000 + b"]" * 100_000, "nested"),
    ("nested in objects", lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested"),
    ("unknown and nested", lambda: _put("x", b"[" * 100_000 + b"]" * 100_000), "nested"),
    ("NaN", lambda: _put("number", b"NaN"), "contains NaN"),
    ("infinity", lambda: _put("x", b"-Infinity"), "contains -Infinity"),
    ("a number of 10,000 digits", lambda: _put("number", DIGITS), "thousands of digits"),
    ("a float of 10,000 digits", lambda: _put("number", DIGITS + b".0"), '"number"'),
    ("a name twice", lambda: manifest()[:-1] + b', "count": 3}', '"count" stands twice'),
    (
        "a name twice below",
        lambda: _put("x", b'[{"a\xe2\x80\xae": 1, "a\xe2\x80\xae": 2}]'),
        "u{202e}",
    ),
    ("many values", lambda: b"[" + b"1," * 600_000 + b"1]", "more than 500,000 values"),
    ("many objects", lambda: b"[" + b"{}," * 300_000 + b"{}]", "more than 500,000 values"),
    (
        "many names, one twice",
        lambda: _put(
            "x",
            b"{" + b",".join(b'"%d":1' % (number % 200_000) for number in range(200_001)) + b"}",
        ),
        '"0" stands twice',
    ),
]


@pytest.mark.parametrize(("make", "words"), [pytest.param(*rest, id=name) for name, *rest in TEXTS])
def test_a_manifest_that_is_not_ours(make: Callable[[], bytes], words: str) -> None:
    refused = refusal_of(_alone(make()))

    assert (refused.code, words in refused.sentence) == ("archive.manifest", True), refused.sentence


VALUES: list[tuple[str, Any]] = [
    ("format", "ccxsec-consolidated"),
    ("format", 1),
    ("version", 0),
    ("version", True),
    ("version", "1"),
    ("version", 1.0),
    ("product", "x" * 254),
    ("product", "a\nb"),
    ("cluster", []),
    ("cluster", {"id": ID.upper(), "name": "x", "nodes": []}),
    ("cluster", {"id": f"../{ID}", "name": "x", "nodes": []}),
    ("cluster", {"id": ID, "name": "", "nodes": []}),
    ("cluster", {"id": ID, "name": "\ud800", "nodes": []}),
    ("cluster", {"id": ID, "name": "x" * 254, "nodes": []}),
    ("cluster", {"id": ID, "name": "x", "nodes": "ccx1"}),
    ("cluster", {"id": ID, "name": "x", "nodes": ["a"] * 2}),
    ("cluster", {"id": ID, "name": "x", "nodes": [["a"]]}),
    ("cluster", {"id": ID, "name": "x", "nodes": [str(number) for number in range(101)]}),
    ("service", "capf"),
    ("service", ["tomcat"]),
    ("number", -1),
    ("number", 10**12),
    ("number", 10**400),
    ("number", 7.0),
    ("number", False),
    ("made_at", 0),
    ("made_at", "2026-11-26T09:30:15+00:00"),
    ("made_at", "2026-11-26T09:30:15.5Z"),
    ("made_at", "2026-1-26T09:30:15Z"),
    ("made_at", "2026-02-30T09:30:15Z"),
    ("made_at", "0001-01-01T00:00:00Z"),
    ("made_at", "\u0662026-11-26T09:30:15Z"),
    ("count", "3"),
    ("items", {}),
    ("items", [1, 2, 3]),
    ("signers", [row(), row()]),
    ("signers", [row(), row("ec-p384", "ipsec"), row()]),
    ("signers", [row() | {"file": "signers/../x.pem"}]),
    ("signers", [row() | {"signature": "/etc/passwd"}]),
    ("signers", [row() | {"public_key_sha256": 1}]),
    ("signers", [row(service="capf")]),
]


@pytest.mark.parametrize(
    ("name", "value"), VALUES, ids=[f"{place}-{name}" for place, (name, _) in enumerate(VALUES)]
)
def test_a_value_that_a_field_may_not_hold(name: str, value: Any) -> None:
    refused = refusal_of(_alone(manifest(**{name: value})))

    assert refused.code == "archive.manifest"
    assert f'"{name}"' in refused.sentence


ITEMS: list[dict[str, Any]] = [
    {"file": "certificates/00002.pem"},
    {"file": "certificates/1.pem"},
    {"file": "../certificates/00001.pem"},
    {"file": None},
    {"sha256": "0" * 63},
    {"sha256": "A" * 64},
    {"size": 0},
    {"size": 65_537},
    {"size": -1},
    {"role": "anchor"},
    {"nodes": ["elsewhere"]},
    {"nodes": "ccx1.example.com"},
    {"nodes": [1]},
]


@pytest.mark.parametrize("change", ITEMS, ids=str)
def test_a_value_that_an_item_may_not_hold(change: dict[str, Any]) -> None:
    refused = refusal_of(_alone(manifest(items=listed(change))))

    assert refused.code == "archive.manifest"
    assert refused.sentence.startswith('Entry 1 of "items"')


FIELDS = ["format", "version", "product", "cluster", "service", "number", "made_at"]


@pytest.mark.parametrize("name", [*FIELDS, "count", "items", "signers"])
def test_every_field_must_be_there(name: str) -> None:
    refused = refusal_of(_alone(manifest(**{name: None})))

    assert refused.code == "archive.manifest"
    assert f'"{name}"' in refused.sentence


def test_a_later_addition_is_passed_over() -> None:
    more = {"comment": {"x": [1.5, None]}, "items": listed({"added": 1}, {"added": 2})}
    more["signers"] = [row() | {"algorithm": "x"}]
    more["cluster"] = {"id": ID, "name": "Vienna", "nodes": list(CLUSTER.nodes), "site": "x"}

    read = read_export(io.BytesIO(packed(tar(signed(manifest(**more))))))

    assert read.items == items()


@pytest.mark.parametrize("version", [2, 99, 10**50])
def test_another_version_says_which_one_is_read_and_what_to_do(version: int) -> None:
    refused = refusal_of(
        _alone(json.dumps({"format": "ccxsec-exchange", "version": version}).encode())
    )

    assert refused.code == "archive.version"
    assert "version 1 is read" in refused.sentence
    assert "newer version" in refused.cure


def test_a_wrong_count_is_refused() -> None:
    refused = refusal_of(_alone(manifest(count=4)))

    assert refused.code == "archive.count"
    assert 'lists 3 certificates; its "count" is 4' in refused.sentence


def test_200_000_items_are_refused() -> None:
    refused = refusal_of(_alone(manifest(items=[{}] * 200_000)))

    assert refused.code == "archive.entries"
    assert "200,000" in refused.sentence


def test_a_refusal_shows_no_invisible_character() -> None:
    refused = refusal_of(_alone(manifest(service="\u202etomcat\n" * 50)))

    assert "\\u{202e}tomcat\\u{a}" in refused.sentence
    assert len(refused.sentence) < 800
