"""`./ccxsec backup` on a terminal and without one; its exit status (CM-10)."""

import json
import os
import pty
import re
import select
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.lab.backups import WORDS
from tests.product import ROOT, Product

pytestmark = pytest.mark.spec("CM-10")


@pytest.fixture(scope="module")
def product(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Product:
    folder = tmp_path_factory.mktemp("command")
    shutil.copytree(installed, folder / "data", symlinks=True)
    return Product(folder / "data")


def on_a_terminal(product: Product, typed: list[str], *words: str) -> tuple[int, str]:
    """Exit status, and all that the terminal showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execve(
            sys.executable, [sys.executable, "manage.py", "backup", *words], product.environment
        )
    shown, answered, deadline = b"", 0, time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1.0)[0]:
            answered = 0  # what was typed went astray: a terminal may drop it
        else:
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
        asked = len(re.findall(rb"backup: |more: ", shown))
        if shown.endswith((b"backup: ", b"more: ")) and asked != answered:
            os.write(terminal, typed[asked - 1].encode() + b"\n")
            answered = asked  # the same question is not answered twice
    else:
        os.kill(child, signal.SIGKILL)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


def test_the_passphrase_is_asked_for_twice_and_not_shown(product: Product, tmp_path: Path) -> None:
    file = tmp_path / "one"

    made, shown = on_a_terminal(product, [WORDS, WORDS], "create", "--output", str(file))
    differs, said = on_a_terminal(
        product, [WORDS, "another"], "create", "--output", str(file) + "2"
    )
    whole, _ = on_a_terminal(product, [WORDS], "verify", str(file))
    wrong, why = on_a_terminal(product, ["another"], "verify", str(file))

    assert [made, differs, whole, wrong] == [0, 1, 0, 1]
    assert WORDS not in shown
    assert "not typed twice" in said
    assert "The passphrase is wrong" in why


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["create", "--passphrase", WORDS], 2, "unrecognized arguments"),
        (["create", "--recipient", "nonsense"], 1, "mistyped"),
        (["create", "--passphrase-file", "/nowhere"], 1, "/nowhere can't be used"),
        (["verify", "/nowhere", "--passphrase-file", "-"], 1, "/nowhere can't be used"),
        (["verify"], 2, "required: FILE"),
        (["verify", "-", "--passphrase-file", "-"], 1, "at once"),
        (["verify", str(ROOT / "README.md"), "--passphrase-file", "-"], 1, "not a backup"),
        (["restore", str(ROOT / "README.md"), "--passphrase-file", "-"], 1, "not empty"),
        (["nonsense"], 2, "invalid choice"),
    ],
)
def test_what_is_wrong_is_one_line_and_an_exit_status(
    product: Product, words: list[str], status: int, said: str
) -> None:
    done = product.run("backup", *words, given="")

    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 or status == 2


def test_a_short_passphrase_and_an_existing_file_are_refused(
    product: Product, tmp_path: Path
) -> None:
    file = tmp_path / "one"
    short = product.run(
        "backup", "create", "--output", str(file), "--passphrase-file", "-", given="short"
    )
    file.write_text("dear to somebody")
    again = product.run(
        "backup", "create", "--output", str(file), "--passphrase-file", "-", given=WORDS
    )

    assert "fewer than 12" in short.stderr
    assert "already" in again.stderr
    assert file.read_text() == "dear to somebody"


def test_without_output_it_goes_to_the_folder_which_list_shows(product: Product) -> None:
    made = product.run("backup", "create", "--json", "--passphrase-file", "-", given=WORDS)
    listed = json.loads(product.run("backup", "list", "--json").stdout)

    assert [row["file"] for row in listed] == [json.loads(made.stdout)["file"]]
    assert listed[0]["opens_with"] == "a passphrase"


def test_a_restore_does_not_disturb_what_runs_or_belongs_to_another(
    product: Product, tmp_path: Path
) -> None:
    file, words = tmp_path / "one", ["--passphrase-file", "-"]
    product.run("backup", "create", "--output", str(file), *words, given=WORDS)
    other = Product(tmp_path / "other")
    other.data.mkdir()
    (other.data / "master.keys").write_text("1:" + "QUFB" * 10 + "QUE=\n")
    (other.data / "audit.anchor").write_text(f"999 {'a' * 64}\n")

    conflict = other.run("backup", "restore", str(file), *words, given=WORDS)
    other.settings["CCXSEC_MASTER_KEYS"] = "1:" + "QUFB" * 10 + "QUE="
    from_environment = other.run("backup", "restore", str(file), *words, given=WORDS)
    other.settings["CCXSEC_MASTER_KEYS"] = (product.data / "master.keys").read_text().strip()
    done = other.run("backup", "restore", "--json", str(file), *words, given=WORDS)

    assert "another master key 1" in conflict.stderr
    assert "does not hold master key 1" in from_environment.stderr
    assert done.returncode == 0, done.stderr
    assert "QUFB" in (other.data / "master.keys").read_text()
    assert "former audit log" in " ".join(json.loads(done.stdout)["notes"])
    assert len(list(other.data.glob("audit.anchor.2*"))) == 1
    assert json.loads(other.run("audit", "verify", "--json").stdout)["verdict"] == "whole"


def test_up_refuses_what_a_killed_restore_has_left(tmp_path: Path) -> None:
    product = Product(tmp_path / "data")
    product.data.mkdir()
    (product.data / "restore.unfinished").write_text("{}")

    done = product.run("up", "--setup-only")

    assert done.returncode == 1
    assert "A restore was interrupted" in done.stderr
    assert "backup restore FILE" in done.stderr
