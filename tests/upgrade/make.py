"""Makes the fixture of a version: a database and a store, by that version's own code.

`python -m tests.upgrade.make NAME REVISION` exports the revision to a temporary folder, has it set
up an installation and fill it with what it knows, and packs that as tests/upgrade/NAME.tar.gz. No
key in it is of any use elsewhere: all are made for it, under a master key that everybody knows.
"""

import io
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.product import ROOT

HERE = Path(__file__).resolve().parent
PASSWORD = "correct-horse-battery-staple"
LARGEST = 150_000  # bytes of one fixture
KEPT = ("ccxsec.sqlite3", "audit.anchor", "facts.json", "store")
SETTINGS = {
    "CCXSEC_ENV_FILE": os.devnull,
    "CCXSEC_MASTER_KEYS": "1:" + "QUFB" * 10 + "QUE=",
    "CCXSEC_SECRET_KEY": "of the fixtures of the upgrade test, and of nothing else",
    "CCXSEC_HOST_NAME": "ccx1.example.com",
    "CCXSEC_ADDRESSES": "192.0.2.10",
    "CCXSEC_BIND": "127.0.0.1",
    "CCXSEC_PORT": "18443",
    "CCXSEC_ADMIN_PASSWORD": PASSWORD,
    "CCXSEC_IPSEC_SOCKET": "/nonexistent/charon.vici",
    "DJANGO_SETTINGS_MODULE": "ccxsec_project.settings",
}


def make(name: str, revision: str) -> Path:
    """The packed fixture of a version."""
    with tempfile.TemporaryDirectory(prefix="ccxsec-version-") as folder:
        code, data = Path(folder) / "code", Path(folder) / "data"
        code.mkdir()
        packed = subprocess.run(
            ["git", "archive", "--format=tar", revision], cwd=ROOT, check=True, capture_output=True
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(code, filter="data")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CCXSEC_", "DATABASE_"))}
        environment = kept | SETTINGS | {"CCXSEC_DATA": str(data), "PYTHONPATH": str(code)}
        for words in (["manage.py", "up", "--setup-only"], [str(HERE / "fill.py")]):
            subprocess.run([sys.executable, *words], cwd=code, env=environment, check=True)
        return pack(data, name)


def pack(data: Path, name: str) -> Path:
    """Only what an installation needs, in an order that stays."""
    database = sqlite3.connect(data / "ccxsec.sqlite3")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("VACUUM")
    database.execute("PRAGMA journal_mode=DELETE")
    database.close()
    target = HERE / f"{name}.tar.gz"
    with tarfile.open(target, "w:gz", compresslevel=9) as archive:
        for part in KEPT:
            archive.add(data / part, part, filter=_plain)
    size = target.stat().st_size
    if size > LARGEST:
        target.unlink()
        raise SystemExit(f"{target.name} would have {size:,} bytes: more than {LARGEST:,}.")
    return target


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Nothing of this machine: no owner, no name of one, no lock files."""
    if entry.name.endswith(".lock"):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def unpack(name: str, folder: Path) -> None:
    """The installation of a version, in an empty folder; whoever unpacks it owns it."""
    with tarfile.open(HERE / f"{name}.tar.gz") as archive:
        archive.extractall(folder, filter=_owned)


def _owned(entry: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
    found = tarfile.data_filter(entry, path)
    return found.replace(uid=os.geteuid(), gid=os.getegid(), deep=False) if found else None


def main() -> None:
    """Exit status 1 with a line when it can't be made."""
    if shutil.which("git") is None or len(sys.argv) != 3:
        raise SystemExit("usage: python -m tests.upgrade.make NAME REVISION")
    made = make(*sys.argv[1:])
    sys.stdout.write(f"{made.name}: {made.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
