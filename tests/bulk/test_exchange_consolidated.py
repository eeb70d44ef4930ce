"""A consolidated file holds each export as it was; a bad one stops no other."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulk.exchange import limits
from bulk.exchange.consolidated import (
    Consolidated,
    Included,
    open_consolidated,
    read_consolidated,
    write_consolidated,
)
from bulk.exchange.export import Export, read_export
from bulk.exchange.identity import key_fingerprint
from certificates.refusal import Refused
from certificates.x509.signing import sign
from tests.bulk.archives import CLUSTER, MADE_AT, OTHER, export, items, key, signer
from tests.bulk.crafting import entry, files, tar

pytestmark = pytest.mark.spec("BK-3")


@pytest.fixture
def included(tmp_path: Path) -> list[Included]:
    """Two exports of one cluster, and one of another."""
    found = []
    for changes in (
        {},
        {"service": "ipsec", "number": 9, "items": items(1)},
        {"cluster": OTHER, "signers": [signer("ipsec", "rsa-2048")], "items": []},
    ):
        data = export(**changes)
        manifest = read_export(io.BytesIO(data)).manifest
        path = tmp_path / str(len(found))
        path.write_bytes(data)
        found.append(Included(manifest.file_name, path, manifest))
    return found


def consolidated(exports: list[Included], **changes: Any) -> bytes:
    target = io.BytesIO()
    arguments = {"cluster": CLUSTER, "number": 42, "made_at": MADE_AT, "signers": [signer()]}
    write_consolidated(target, exports=exports, **(arguments | changes))
    return target.getvalue()


def read(data: bytes) -> Consolidated:
    return read_consolidated(io.BytesIO(data))


def codes(found: Consolidated) -> list[str]:
    return [one.export.code if isinstance(one.export, Refused) else "" for one in found.exports]


def test_a_file_is_read_as_it_was_written(included: list[Included]) -> None:
    target = io.BytesIO()

    written = write_consolidated(
        target,
        cluster=OTHER,
        number=42,
        made_at=MADE_AT,
        exports=included,
        signers=[signer("tomcat"), signer("ipsec", "rsa-2048")],
        product="ccxsec 0.1.0",
    )
    found = read(target.getvalue())

    assert found.manifest == written
    assert written.file_name == "ccxsec.consolidated.000042.tar"
    assert found.keys == {
        "tomcat": key_fingerprint(key("ec-p256").public_key()),
        "ipsec": key_fingerprint(key("rsa-2048").public_key()),
    }
    assert [one.file for one in found.exports] == [one.file for one in included]
    assert [one.listed.count for one in found.exports] == [3, 1, 0]
    for one, given in zip(found.exports, included, strict=True):
        assert one.export == read_export(io.BytesIO(given.path.read_bytes()))


def test_the_exports_stand_in_it_byte_for_byte(included: list[Included]) -> None:
    found = files(consolidated(included))

    assert [found[one.file] for one in included] == [one.path.read_bytes() for one in included]


def test_the_same_exports_make_the_same_bytes(included: list[Included]) -> None:
    first, second = (
        consolidated(included, signers=[signer("tomcat", "rsa-2048")]) for _ in range(2)
    )

    assert first == second


def test_exports_can_be_read_one_by_one(included: list[Included]) -> None:
    opened = open_consolidated(io.BytesIO(consolidated(included)))
    assert opened.manifest.number == 42

    assert [type(one.export) for one in opened.exports()] == [Export] * 3


def test_a_file_of_no_exports_is_one() -> None:
    assert read(consolidated([])).exports == ()


def test_a_changed_export_stops_no_other(included: list[Included]) -> None:
    contents = files(consolidated(included))
    data = bytearray(contents[included[0].file])
    data[len(data) // 2] ^= 1
    contents[included[0].file] = bytes(data)
    contents[included[1].file] += b"\0"

    found = read(tar(contents))

    assert codes(found) == ["archive.hash", "archive.hash", ""]


def test_an_export_that_was_bad_before_keeps_its_reason(
    included: list[Included], tmp_path: Path
) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(included[0].path.read_bytes()[:-9])
    exports = [Included(included[0].file, cut, included[0].manifest), *included[1:]]

    found = read(consolidated(exports))

    assert codes(found) == ["archive.form", "", ""]


def test_an_export_that_says_otherwise_of_itself_is_refused(included: list[Included]) -> None:
    first, second, third = included
    first.path.write_bytes(export(number=8))
    second.path.write_bytes(export(service="ipsec", number=9, items=items(2)))

    assert codes(read(consolidated([first, second, third]))) == ["archive.manifest"] * 2 + [""]


def test_what_does_not_fit_into_memory_is_left_out(
    included: list[Included], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = consolidated(included)
    monkeypatch.setattr(limits, "KEPT", 3000)

    assert codes(read(data)) == ["archive.size", "", ""]


def _resigned(data: bytes, **changes: Any) -> bytes:
    contents = files(data)
    text = json.dumps(json.loads(contents["manifest.json"]) | changes).encode()
    contents["manifest.json"] = text
    contents["signers/tomcat.sig"] = sign(signer().private_key, text)
    return tar(contents)


def _listed(data: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(files(data)["manifest.json"])["exports"]
    return found


def _unsigned(data: bytes) -> bytes:
    contents = files(data)
    contents["signers/tomcat.sig"] = sign(key("ec-p384"), contents["manifest.json"])
    return tar(contents)


def _swapped(data: bytes) -> bytes:
    contents = list(files(data).items())
    return tar(dict([*contents[:3], contents[4], contents[3], *contents[5:]]))


Spoil = Callable[[bytes], bytes]
BROKEN: list[tuple[str, Spoil, str]] = [
    ("nothing", lambda _: b"", "archive.form"),
    ("cut", lambda data: data[: len(data) // 2], "archive.form"),
    ("something behind", lambda data: data + b"x", "archive.form"),
    ("an export", lambda _: export(), "archive.form"),
    ("no export in the end", lambda d: tar(dict(list(files(d).items())[:-1])), "archive.count"),
    ("one too many", lambda data: tar(files(data), entry("x")), "archive.entry"),
    ("exports in another order", _swapped, "archive.entry"),
    ("a foreign signature", _unsigned, "archive.signature"),
    ("another version", lambda data: _resigned(data, version=2), "archive.version"),
    ("another format", lambda data: _resigned(data, format="ccxsec-exchange"), "archive.manifest"),
    (
        "a name that leads elsewhere",
        lambda d: _resigned(d, exports=[_listed(d)[0] | {"file": "../x"}]),
        "archive.manifest",
    ),
    (
        "the name of another number",
        lambda d: _resigned(d, exports=[_listed(d)[0] | {"number": 8}]),
        "archive.manifest",
    ),
    (
        "one export twice",
        lambda d: _resigned(d, exports=[_listed(d)[0]] * 2),
        "archive.manifest",
    ),
    ("501 exports", lambda d: _resigned(d, exports=_listed(d)[:1] * 501), "archive.entries"),
    (
        "an export too large",
        lambda d: _resigned(d, exports=[_listed(d)[0] | {"size": 2**25 + 1}]),
        "archive.manifest",
    ),
]


@pytest.mark.spec("BK-5")
@pytest.mark.parametrize(
    ("spoil", "code"), [pytest.param(*rest, id=name) for name, *rest in BROKEN]
)
def test_a_file_that_is_broken_as_a_whole(
    included: list[Included], spoil: Spoil, code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        read(spoil(consolidated(included)))

    assert refusal.value.code == code
    assert refusal.value.cure


@pytest.mark.spec("BK-5")
def test_a_file_without_end_is_left(included: list[Included]) -> None:
    class Endless(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(size) or bytes(size or 0)

    data = consolidated(included)
    with pytest.raises(Refused) as refusal:
        read_consolidated(Endless(data))

    assert refusal.value.code == "archive.form"


def test_what_nobody_would_read_is_not_written(included: list[Included]) -> None:
    for exports, code in (
        (included + included[:1], "archive.manifest"),
        (included[:1] * 501, "archive.entries"),
        ([Included("x", included[0].path, included[0].manifest)], "archive.manifest"),
    ):
        with pytest.raises(Refused) as refusal:
            consolidated(exports)
        assert refusal.value.code == code


def test_what_would_be_too_large_is_not_written(
    included: list[Included], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONSOLIDATED", limits.MIB + 2000)

    with pytest.raises(Refused) as refusal:
        consolidated(included)

    assert refusal.value.code == "archive.size"


def test_an_export_that_changes_while_it_is_read_is_no_file(included: list[Included]) -> None:
    class Growing(io.BytesIO):
        def write(self, data: Any, /) -> int:
            included[2].path.write_bytes(b"x" * 5000)
            return super().write(data)

    with pytest.raises(ValueError, match="5000 bytes, not"):
        write_consolidated(
            Growing(),
            cluster=CLUSTER,
            number=1,
            made_at=MADE_AT,
            exports=included,
            signers=[signer()],
        )
