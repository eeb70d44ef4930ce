"""docs/exchange-format.md says what the code does, and its commands run as they stand."""

import io
import json
import re
import subprocess
from pathlib import Path

import pytest

from bulk.exchange import consolidated_manifest, limits, manifest
from bulk.exchange.consolidated import Included, read_consolidated, write_consolidated
from bulk.exchange.export import Export, read_export
from bulk.exchange.identity import key_fingerprint
from bulk.exchange.names import HIGHEST_NUMBER
from tests.bulk.archives import CLUSTER, MADE_AT, OTHER, export, items, key, signer
from tests.bulk.crafting import consolidated, files
from tests.bulk.data.make_version_1 import CONSOLIDATED, EXPORT
from tests.parts import needs
from tests.product import ROOT

pytestmark = pytest.mark.spec("BK-3")
PAGE = (ROOT / "docs" / "exchange-format.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
SIGNERS = [signer("tomcat", "rsa-2048"), signer("ipsec", "ec-p256")]


def _run(script: str, folder: Path, name: str, together: str) -> str:
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "FILE": name, "CONSOLIDATED": together},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An export and a consolidated file, as they lie on the server."""
    data = export(signers=SIGNERS)
    said = read_export(io.BytesIO(data)).manifest
    (tmp_path / said.file_name).write_bytes(data)
    with (tmp_path / "ccxsec.consolidated.000042.tar").open("wb") as target:
        write_consolidated(
            target,
            cluster=OTHER,
            number=42,
            made_at=MADE_AT,
            exports=[Included(said.file_name, tmp_path / said.file_name, said)],
            signers=SIGNERS,
        )
    return tmp_path


def test_the_commands_run_as_they_stand(folder: Path) -> None:
    for part in ("tar", "openssl", "jq"):
        needs(part, part)
    names = sorted(path.name for path in folder.iterdir())

    said = _run("\n".join(COMMANDS), folder, names[1], names[0])

    assert "certificates/00003.pem" in said
    assert "hashes: OK" in said
    assert said.count("Verified OK") == 2
    assert f"tomcat {key_fingerprint(key('rsa-2048').public_key())}\ntrue\nVerified OK" in said
    assert f"ipsec {key_fingerprint(key('ec-p256').public_key())}\ntrue\nVerified OK" in said
    assert said.count("subject=CN = ccx1.example.com") == 3
    assert "exports: OK" in said
    assert (folder / "export" / "all.pem").read_bytes() == b"".join(i.pem for i in items())
    assert (folder / "export" / "own.pem").read_bytes().count(b"BEGIN") == 2


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ("certificates/00002.pem", "hashes: OK"),
        ("signers/tomcat.sig", "tomcat"),
        ("signers/ipsec.sig", "ipsec"),
    ],
)
def test_the_commands_find_what_was_changed(folder: Path, changed: str, missing: str) -> None:
    needs("jq", "jq")
    unpack, *look = [line for block in COMMANDS[1:3] for line in block.splitlines()]
    script = "\n".join([unpack, f"echo > {changed}", "set +e", *look, "true"])

    said = _run(script, folder, sorted(path.name for path in folder.iterdir())[1], "")

    verified = re.findall(r"(\w+) SHA256:\S+\ntrue\nVerified OK", said)
    hashes = re.findall("hashes: OK", said)
    assert {*verified, *hashes} == {"hashes: OK", "tomcat", "ipsec"} - {missing}


@pytest.mark.parametrize("kind", ["ed25519", "ed448"])
def test_the_command_for_the_other_kinds_of_keys_runs(tmp_path: Path, kind: str) -> None:
    needs("openssl", "openssl")
    for name, content in files(export(signers=[signer("ipsec", kind)])).items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    found = re.search(r"`(openssl pkeyutl .*?)`", PAGE)
    assert found
    make = "service=ipsec; openssl x509 -in signers/ipsec.pem -noout -pubkey > ipsec.pub"

    assert "Verified Successfully" in _run(f"{make}\n{found[1]}", tmp_path, "", "")


def test_the_example_is_what_is_written() -> None:
    found = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert found
    shown, written = json.loads(found[1]), json.loads(files()["manifest.json"])
    for content in (shown, written):
        for row in (*content["items"], *content["signers"]):
            row.update(
                {name: "" for name in ("sha256", "size", "public_key_sha256") if name in row}
            )

    assert shown == written
    assert list(shown) == list(written)


def test_every_field_is_on_the_page() -> None:
    together = json.loads(files(consolidated())["manifest.json"])
    names = {*json.loads(files()["manifest.json"]), *together, *together["exports"][0]}

    assert [name for name in sorted(names) if f"`{name}`" not in PAGE] == []
    assert f"`{manifest.FORMAT}`" in PAGE
    assert f"`{consolidated_manifest.FORMAT}`" in PAGE


def test_the_limits_are_on_the_page() -> None:
    mib = limits.MIB
    assert f"{limits.EXPORT_PACKED // mib} MiB packed" in PAGE
    assert f"{limits.EXPORT_UNPACKED // mib} MiB unpacked" in PAGE
    assert f"{limits.ITEMS:,} items of {limits.ITEM // 1024} KiB" in PAGE
    assert f"{limits.MANIFEST // mib} MiB, {limits.MANIFEST_VALUES:,} values" in PAGE
    assert f"{limits.CONSOLIDATED // mib} MiB, {limits.EXPORTS} exports" in PAGE
    assert f"up to {limits.NODES} different host names" in PAGE
    assert f"{HIGHEST_NUMBER:,}" in PAGE
    assert f"{limits.SIGNATURE // 1024} KiB, {limits.ITEM // 1024} KiB" in PAGE


def test_an_export_of_version_1_stays_readable() -> None:
    with EXPORT.open("rb") as file:
        read = read_export(file)

    assert (read.manifest.cluster, read.manifest.service) == (CLUSTER, "tomcat")
    assert (read.manifest.number, read.manifest.made_at) == (7, MADE_AT)
    assert [len(item.pem) > 300 for item in read.items] == [True] * 3
    assert [item.role.value for item in read.items] == ["identity", "issuer", "identity"]
    assert set(read.keys) == {"tomcat", "ipsec"}
    assert read.keys["ipsec"] == "SHA256:pKDZXb4eDcn/YASPRpq4+1MbYT6AzifLbgvoCzHE6bc"


def test_a_consolidated_file_of_version_1_stays_readable() -> None:
    with CONSOLIDATED.open("rb") as file:
        read = read_consolidated(file)

    exports = [one.export for one in read.exports if isinstance(one.export, Export)]
    assert read.manifest.number == 42
    assert [one.manifest.cluster for one in exports] == [CLUSTER, OTHER]
    assert [one.manifest.service for one in exports] == ["tomcat", "ipsec"]
    assert [len(one.items) for one in exports] == [3, 1]
