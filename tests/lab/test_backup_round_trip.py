"""A backup, by the real commands, from one kind of database into the other (CM-10)."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import backups
from tests.lab.backups import WORDS
from tests.lab.changes import active_fingerprint
from tests.lab.postgres import copy_of
from tests.lab.test_sealed import _holds, _shapes
from tests.lab.worker import Worker
from tests.product import ROOT, Product


@pytest.fixture(params=["sqlite", "postgresql"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Product:
    """An installation with something of everything in it."""
    settings = {}
    if request.param == "postgresql":
        original, url = request.getfixturevalue("installed_on_postgres")
        settings["DATABASE_URL"] = copy_of(url)
    else:
        original = request.getfixturevalue("installed")
    shutil.copytree(original, tmp_path / "source", symlinks=True)
    with Worker(tmp_path / "source", **settings) as worker:
        worker.ask(backups.fill)
    return Product(tmp_path / "source", settings=settings)


@pytest.fixture
def target(source: Product, postgres: str, tmp_path: Path) -> Product:
    """Nothing at all, on the other kind of database."""
    other = {} if source.settings else {"DATABASE_URL": copy_of(postgres)}
    return Product(tmp_path / "target", settings=other)


def answer(product: Product, *words: str, given: str = "") -> dict[str, object]:
    done = product.run(*words, "--json", given=given)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.spec("CM-10")
def test_everything_comes_back_on_the_other_kind_of_database(
    source: Product, target: Product, tmp_path: Path
) -> None:
    file, passphrase = tmp_path / "one.ccxsec-backup", tmp_path / "passphrase"
    passphrase.write_text(f"{WORDS}\n")
    with Worker(source.data, **source.settings) as worker:
        before, events = worker.ask(backups.content), worker.ask(backups.events)

    made = answer(source, "backup", "create", "--output", str(file), "--passphrase-file", "-",
                  given=WORDS)  # fmt: skip
    seen = answer(target, "backup", "verify", str(file), "--passphrase-file", str(passphrase))
    back = answer(target, "backup", "restore", str(file), "--passphrase-file", str(passphrase))

    assert made["backup_reminder"] == "closed"
    assert file.stat().st_mode & 0o777 == 0o600
    assert seen["verdict"] == "whole"
    assert seen["events"] == back["events"] == len(events)
    assert made["rows"] == seen["rows"] == back["rows"]
    with Worker(target.data, **target.settings) as worker:
        assert worker.ask(backups.content) == before
        assert worker.ask(backups.events)[:-1] == events
        assert "backup:restore" in worker.ask(backups.events)[-1]
        assert not [label for label, is_new in worker.ask(backups.next_keys).items() if not is_new]
        assert worker.ask(backups.audit_problem) == ""
        assert worker.ask(backups.found, "AIN.exam") == ["plain.example.com"]
        served = worker.ask(active_fingerprint)

    target.start()
    try:
        assert target.served_fingerprint() == served
        assert answer(target, "audit", "verify")["verdict"] == "whole"
    finally:
        target.stop()
    assert_nothing_is_in_the_clear(source, file)


def assert_nothing_is_in_the_clear(source: Product, file: Path) -> None:
    """Neither the keys themselves, nor what opens them, nor what was typed."""
    keys = [path.read_bytes() for path in source.data.glob("store/*/versions/*/key.pem")]
    secrets = [shape for pem in keys for shape in _shapes(pem)]
    master = (source.data / "master.keys").read_bytes().split(b":")[1].strip()
    secrets += [master, (source.data / "secret.key").read_bytes().strip(), WORDS.encode()]
    secrets += [b"sentinel-of-a-secret", b"anna", b"certificates_"]

    assert keys
    assert not _holds(file.read_bytes(), secrets)
    written = [p for p in source.data.rglob("*") if p.is_file() and "store" not in p.parts]
    assert not [p for p in written if WORDS.encode() in p.read_bytes()]


@pytest.mark.spec("CM-10")
def test_the_private_key_stays_away_and_opens_what_its_public_key_locks(
    installed: Path, tmp_path: Path
) -> None:
    shutil.copytree(installed, tmp_path / "source", symlinks=True)
    source, other = Product(tmp_path / "source"), Product(tmp_path / "other")
    identity, wrong = tmp_path / "identity", tmp_path / "wrong"

    public = str(answer(other, "backup", "keygen", str(identity))["public_key"])
    answer(other, "backup", "keygen", str(wrong))
    made = piped(source, b"", "create", "--recipient", public, "--output", "-")
    refused = piped(other, made.stdout, "restore", "-", "--identity-file", str(wrong))
    done = piped(other, made.stdout, "restore", "-", "--identity-file", str(identity))
    again = piped(other, made.stdout, "restore", "-", "--identity-file", str(identity))

    assert identity.stat().st_mode & 0o777 == 0o600
    assert b"not locked for the key" in refused.stderr
    assert b"not empty" in again.stderr
    assert [made.returncode, refused.returncode, done.returncode, again.returncode] == [0, 1, 0, 1]
    assert answer(other, "audit", "verify")["verdict"] == "whole"


def piped(product: Product, given: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    """A backup on standard output or input."""
    return subprocess.run(
        [sys.executable, "manage.py", "backup", *words],
        cwd=ROOT,
        env=product.environment,
        input=given,
        capture_output=True,
        timeout=60,
        check=False,
    )
