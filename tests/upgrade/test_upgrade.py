"""A database and store made by every earlier version serve this one (docs/releasing.md)."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.product import ROOT
from tests.upgrade.make import LARGEST, SETTINGS, unpack
from tests.upgrade.versions import HERE, fixture_of, packed, released

SET_UP = {"certificates_and_nodes", "requests", "backups", "monitor", "policies", "exchange"}
# Their mail server is no more: a message waits, and after an hour the doctor says so.
WAITS = "notice.unsent:"


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Each version's installation, brought up to now; one process does all of them."""
    folder = tmp_path_factory.mktemp("upgrade")
    for name in packed():
        (folder / name).mkdir()
        unpack(name, folder / name)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CCXSEC_", "DATABASE_"))}
    own = SETTINGS | {"CCXSEC_DATA": str(folder / packed()[0]), "CCXSEC_LOG_LEVEL": "ERROR"}
    own |= {"CCXSEC_ALLOWED_HOSTS": "testserver"}
    words = ["-W", "ignore", "-m", "tests.upgrade.upgraded", *(str(folder / n) for n in packed())]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=kept | own,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    facts = [json.loads((folder / name / "facts.json").read_text()) for name in packed()]
    return {
        name: answer | {"facts": fact}
        for name, answer, fact in zip(packed(), answers, facts, strict=True)
    }


@pytest.mark.spec("MN-4")
@pytest.mark.parametrize("name", packed())
def test_an_installation_of_every_version_serves_this_one(
    upgraded: dict[str, dict[str, Any]], name: str
) -> None:
    told = upgraded[name]

    assert [line for line in told["found"] if not line.startswith(WAITS)] == []
    for what in ("certificates", "nodes"):
        assert told["kept"][what] == told["facts"][what]
    assert told["kept"]["events"] >= told["facts"]["events"]
    assert told["signed_in"] == 302
    assert set(told["pages"].values()) == {200}
    assert told["listed"] >= 2
    done, *rest = told["deployed"]
    assert "is in the store of ccx1.example.com" in done
    assert [line for line in rest if not line.startswith(WAITS)] == ["whole"]


def test_the_newest_fixture_has_some_of_everything(upgraded: dict[str, dict[str, Any]]) -> None:
    """Also the control: a version that knew less says so."""
    made = {name: set(told["facts"]["made"]) for name, told in upgraded.items()}

    assert made[packed()[-1]] == SET_UP
    assert made["0.1"] == {"certificates_and_nodes"}


def test_each_released_version_has_its_fixture() -> None:
    """All but the newest, which is made when it is tagged."""
    newest, *earlier = released()

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == newest
    assert earlier == sorted(earlier, key=lambda v: tuple(map(int, v.split("."))), reverse=True)
    assert [name for name in map(fixture_of, earlier) if name not in packed()] == []


def test_no_fixture_is_large() -> None:
    sizes = {path.name: path.stat().st_size for path in HERE.glob("*.tar.gz")}

    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}


def test_no_fixture_tells_of_a_machine(tmp_path: Path) -> None:
    """Neither a path nor a name of where it was made."""
    for name in packed():
        (tmp_path / name).mkdir()
        unpack(name, tmp_path / name)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(word in content for word in (b"/tmp/", str(Path.home()).encode())), path
