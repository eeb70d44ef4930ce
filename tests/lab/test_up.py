"""`./ccxsec up`: the first start, every later one, what stands in its way, and what it survives."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.product import ROOT, Product, left_behind


@pytest.mark.spec("CM-9", "MN-4")
def test_sets_up_everything_once_and_starts_again_quickly(product: Product) -> None:
    product.settings["CCXSEC_ADMIN_PASSWORD"] = ""
    product.start()
    said = product.log.read_text()
    password = re.search(r"Sign in as admin with the password (\S+)", said)
    assert password
    listed = json.loads(product.run("cert", "list", "own", "--json").stdout)
    assert [row["certificate"] for row in listed] == ["ipsec", "tomcat"]
    assert product.served_fingerprint() == listed[1]["fingerprint"]
    assert listed[1]["fingerprint"][:6].upper() in said.replace(":", "")
    assert product.stop(signal.SIGINT) == 0
    for name in ("master.keys", "secret.key"):
        assert (product.data / name).stat().st_mode & 0o777 == 0o600
    size = product.log.stat().st_size

    begun = time.monotonic()
    assert product.run("check").returncode == 0
    bare = time.monotonic() - begun  # one start of Django, on this machine and now
    seconds = product.start()

    again = product.log.read_text()[size:]
    assert "the password" not in again
    assert password[1] not in again
    assert product.served_fingerprint() == listed[1]["fingerprint"]
    assert seconds < 3 * bare * slowness()  # its own start, then those of its processes at once
    assert product.stop() == 0
    assert left_behind(product) == []


def slowness() -> float:
    """How much slower this machine is now than a quiet one; a busy one is no reason to fail."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)) * 1.5


def refused(product: Product) -> str:
    """The one line that `up` says before it ends with exit status 1."""
    done = product.run("up")
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_taken_port_is_one_line(product: Product) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", product.port))
        other.listen()
        assert f"Port {product.port} is taken" in refused(product)


@pytest.mark.parametrize("spoil", ["missing", "empty", "other"])
def test_an_existing_database_without_its_master_key_stays_closed(
    product: Product, spoil: str
) -> None:
    assert product.run("up", "--setup-only").returncode == 0
    key = product.data / "master.keys"
    if spoil == "missing":
        key.unlink()
    else:
        key.write_text({"empty": "", "other": "1:" + "A" * 43 + "="}[spoil])

    line = refused(product)

    assert "master" in line
    assert "backup" in line or "not the one" in line
    assert key.exists() == (spoil != "missing")


def test_a_folder_that_cannot_be_written_is_one_line(product: Product) -> None:
    product.data.parent.mkdir(exist_ok=True)
    (product.data.parent / "file").write_text("")
    product.settings["CCXSEC_DATA"] = str(product.data.parent / "file" / "data")

    assert "can't be used" in refused(product)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CCXSEC_PORT", "many", "CCXSEC_PORT"),
        ("CCXSEC_PORT", "99999", "from 1 to 65535"),
        ("CCXSEC_PORT", "0", "from 1 to 65535"),
        ("CCXSEC_WEB_WORKERS", "0", "CCXSEC_WEB_WORKERS"),
        ("CCXSEC_TIME_ZONE", "Mars/X", "CCXSEC_TIME_ZONE"),
        ("CCXSEC_LOG_LEVEL", "LOUD", "CCXSEC_LOG_LEVEL"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL"),
        ("CCXSEC_BIND", "203.0.113.77", "can't be used"),
        ("CCXSEC_ADMIN_PASSWORD", "short", "CCXSEC_ADMIN_PASSWORD is refused"),
        ("CCXSEC_HOST_NAME", "two words", "neither a host name"),
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none", "can't be used"),
    ],
)
def test_a_wrong_setting_is_one_line(product: Product, name: str, value: str, words: str) -> None:
    product.settings[name] = value

    assert words in refused(product)


def test_the_launcher_names_a_python_that_is_too_old(tmp_path: Path) -> None:
    clone, tools = tmp_path / "clone", tmp_path / "bin"
    clone.mkdir()
    tools.mkdir()
    shutil.copy(ROOT / "ccxsec", clone)
    shutil.copytree(ROOT / "requirements", clone / "requirements")
    for tool in ("sh", "dirname", "mkdir", "cmp", "cat"):
        (tools / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    old = tools / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" || exit 1\n')
    old.chmod(0o755)

    done = subprocess.run(
        [clone / "ccxsec", "up"],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == (
        "ccxsec: Python 3.11 or later is needed, found: Python 3.9.2."
        " Install it, or name it in CCXSEC_PYTHON.\n"
    )


def test_what_it_writes_is_for_its_own_user_whatever_the_umask(product: Product) -> None:
    product.data.mkdir(mode=0o755)
    before = os.umask(0)
    try:
        assert product.run("up", "--setup-only").returncode == 0
    finally:
        os.umask(before)

    open_to_others = [
        str(path.relative_to(product.data))
        for path in product.data.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o077
    ]
    assert open_to_others == []


def test_the_first_password_is_not_lost_with_a_first_start_that_fails(product: Product) -> None:
    product.settings |= {"CCXSEC_ADMIN_PASSWORD": "", "CCXSEC_STORE": "/proc/nowhere"}
    first = product.run("up", "--setup-only")
    del product.settings["CCXSEC_STORE"]
    second = product.run("up", "--setup-only")

    assert (first.returncode, second.returncode) == (1, 0)
    assert "Sign in as admin with the password" in first.stdout + second.stdout


def test_two_first_starts_at_once_leave_one_whole_product(product: Product) -> None:
    words = [sys.executable, "manage.py", "up", "--setup-only"]
    both = [
        subprocess.Popen(
            words, cwd=ROOT, env=product.environment, stdout=-1, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[1] for process in both]

    assert sorted(process.returncode for process in both) == [0, 1]
    assert "already runs" in "".join(said)
    assert "Traceback" not in "".join(said)
    assert len(json.loads(product.run("cert", "list", "own", "--json").stdout)) == 2


@pytest.mark.spec("CM-7")
def test_a_start_by_hand_closes_the_notice_too(product: Product) -> None:
    product.start()
    product.run("cert", "regen", "tomcat", "--key-length", "1024", "--yes")
    product.stop()

    product.start()

    assert json.loads(product.run("restart", "list", "--json").stdout) == []
    shown = json.loads(product.run("cert", "show", "tomcat", "--json").stdout)
    assert shown["key"] == "RSA 1024"
    assert product.served_fingerprint() == shown["fingerprint"]
