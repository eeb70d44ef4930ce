"""Killed while it writes to another server: that one keeps a whole version, at any moment."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.lab.elsewhere import catch_up_elsewhere
from tests.lab.killing import Executioner
from tests.lab.test_crash import KILLS, _seed
from tests.lab.violations import violations_there
from tests.ssh_server import ssh_server

FEWER = 4  # a kill there takes longer: every so manieth


@pytest.mark.spec("CM-14")
def test_a_kill_leaves_the_other_server_a_whole_version(
    installed: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clean = tmp_path / "clean"
    shutil.copytree(installed, clean, symlinks=True)
    with ssh_server() as server:
        about = {"ssh_port": server.port, "ssh_user": server.user, "private_key": server.key}
        about |= {"fingerprint": server.fingerprint, "folder": f"{server.home}/store"}
        (clean / "ssh.json").write_text(json.dumps(about))
        with Executioner(tmp_path / "own", clean, (0, 1)) as executioner:
            executioner.take_up("deploy elsewhere", _seed())
            kills = KILLS // FEWER
            for number in range(1, kills + 1):
                executioner.kill(number)
                assert executioner.worker.ask(violations_there, False) == [], f"kill {number}"
                if number % 2:
                    executioner.worker.ask(catch_up_elsewhere)
                    assert executioner.worker.ask(violations_there, True) == [], f"{number}"
            sys.stdout.write(f"{kills} kills, {executioner.effects} points\n")
