"""An export is read as it was written, and the same input makes the same bytes."""

import gzip
import io
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from bulk.exchange import limits
from bulk.exchange.export import Item, ItemRole, read_export, write_export
from bulk.exchange.identity import ClusterIdentity, key_fingerprint
from certificates.refusal import Refused
from certificates.x509.signing import Signer
from tests.bulk.archives import (
    CLUSTER,
    ID,
    MADE_AT,
    arguments,
    certificate,
    export,
    items,
    key,
    signer,
)
from tests.parts import needs

pytestmark = pytest.mark.spec("BK-2")


def test_an_export_is_read_as_it_was_written() -> None:
    target = io.BytesIO()
    signers = [signer("tomcat", "ec-p256"), signer("ipsec", "rsa-2048")]

    written = write_export(target, **(arguments() | {"signers": signers}))
    read = read_export(io.BytesIO(target.getvalue()))

    assert read.manifest == written
    assert read.items == items()
    assert read.keys == {
        "tomcat": key_fingerprint(key("ec-p256").public_key()),
        "ipsec": key_fingerprint(key("rsa-2048").public_key()),
    }
    assert (written.cluster, written.service, written.number) == (CLUSTER, "tomcat", 7)
    assert (written.made_at, written.count, written.product) == (MADE_AT, 3, "ccxsec 0.1.0")
    assert written.file_name == f"ccxsec.tomcat.{ID}.000007.tar.gz"


@pytest.mark.parametrize("kind", ["rsa-2048", "ec-p256", "ec-p384", "ed25519", "ed448"])
def test_every_kind_of_key_can_sign(kind: str) -> None:
    read = read_export(io.BytesIO(export(signers=[signer("ipsec", kind)])))

    assert read.keys == {"ipsec": key_fingerprint(key(kind).public_key())}


def test_an_export_of_nothing_is_an_export() -> None:
    assert read_export(io.BytesIO(export(items=[]))).items == ()


def test_whatever_an_item_holds_is_kept_byte_for_byte() -> None:
    odd = [b"\0", b"-----BEGIN PRIVATE KEY-----\n", bytes(range(256)) * 256, "\u202e".encode()]
    given = tuple(Item(pem, ItemRole.ISSUER, ()) for pem in odd)

    assert read_export(io.BytesIO(export(items=given))).items == given


def test_the_same_input_makes_the_same_bytes() -> None:
    first, second = (export(signers=[signer("tomcat", "rsa-2048")]) for _ in range(2))

    assert first == second


def test_times_are_utc_and_whole_seconds() -> None:
    local = datetime(2026, 11, 26, 10, 30, 15, 999_999, tzinfo=timezone(timedelta(hours=1)))

    assert read_export(io.BytesIO(export(made_at=local))).manifest.made_at == MADE_AT


def test_the_entries_say_nothing_of_the_machine() -> None:
    data = export()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as tar:
        entries = tar.getmembers()

    assert data[4:8] == bytes(4)
    assert {(e.uid, e.gid, e.uname, e.gname, e.mode) for e in entries} == {(0, 0, "", "", 0o644)}
    assert {datetime.fromtimestamp(entry.mtime, UTC) for entry in entries} == {MADE_AT}
    assert [entry.name for entry in entries] == [
        "manifest.json",
        "signers/tomcat.pem",
        "signers/tomcat.sig",
        *(f"certificates/0000{number}.pem" for number in (1, 2, 3)),
    ]


def test_an_archive_that_gnu_tar_packed_anew_is_read(tmp_path: Path) -> None:
    tar = needs("tar", "tar")
    (tmp_path / "old").write_bytes(export())
    names = subprocess.run([tar, "-tzf", "old"], cwd=tmp_path, capture_output=True, check=True)
    subprocess.run([tar, "-xzf", "old"], cwd=tmp_path, check=True)
    pack = [tar, "--format=ustar", "-czf", "new", *names.stdout.decode().split()]
    subprocess.run(pack, cwd=tmp_path, check=True)

    assert read_export(io.BytesIO((tmp_path / "new").read_bytes())).items == items()


def test_a_source_may_give_little_at_a_time() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 7))

    assert read_export(Slow(export())).items == items()


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("nobody signs", {"signers": []}, "archive.signature"),
    ("a weak key", {"signers": [signer("tomcat", "rsa-1024")]}, "archive.signature"),
    ("a short curve", {"signers": [signer("tomcat", "ec-p192")]}, "archive.signature"),
    (
        "the key of another certificate",
        {"signers": [Signer("tomcat", certificate(key("ec-p256")), key("ec-p384"))]},
        "archive.signature",
    ),
    ("one service twice", {"signers": [signer(), signer()]}, "archive.manifest"),
    ("a large item", {"items": [Item(bytes(65_537), ItemRole.ISSUER, ())]}, "archive.size"),
    ("an empty item", {"items": [Item(b"", ItemRole.ISSUER, ())]}, "archive.manifest"),
    ("a node of nobody", {"items": [Item(b"1", ItemRole.ISSUER, ("x",))]}, "archive.manifest"),
    ("too many", {"items": [Item(b"1", ItemRole.ISSUER, ())] * 20_001}, "archive.entries"),
    ("too much", {"items": [Item(bytes(60_000), ItemRole.ISSUER, ())] * 1_200}, "archive.size"),
    ("a service of nobody", {"service": "capf"}, "archive.manifest"),
    ("a number too high", {"number": 10**12}, "archive.manifest"),
    ("before tar began", {"made_at": datetime(1969, 1, 1, tzinfo=UTC)}, "archive.manifest"),
    ("no cluster", {"cluster": ClusterIdentity("1", "x", ())}, "archive.manifest"),
    ("no name", {"cluster": ClusterIdentity(ID, "", ())}, "archive.manifest"),
    ("an unseen mark", {"cluster": ClusterIdentity(ID, "a\u202eb", ())}, "archive.manifest"),
]


@pytest.mark.parametrize(
    ("changes", "code"), [pytest.param(*rest, id=name) for name, *rest in REFUSED]
)
def test_what_nobody_would_read_is_not_written(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        export(**changes)

    assert refusal.value.code == code
    assert refusal.value.cure


def test_what_does_not_pack_well_is_refused_once_it_is_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "EXPORT_PACKED", 500)

    with pytest.raises(Refused, match="500 are allowed") as refusal:
        export()

    assert refusal.value.code == "archive.size"
