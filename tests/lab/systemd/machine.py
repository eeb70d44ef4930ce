"""A machine of its own, with systemd as its first process and what `deploy/` ships.

It has namespaces of its own and a layer over this machine's files that goes away with it; a network
of nothing but itself. The units, nginx and the commands are those of docs/deployment.md.
"""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.parts import in_ci, needs
from tests.product import ROOT

BOOT = Path(__file__).parent / "boot"
PYTHON = "/usr/bin/python3"  # a unit sees none that is in somebody's home
LEFT_OUT = (".git", ".venv", "var", "cache", ".mypy_cache", ".ruff_cache", "__pycache__", ".env")
SPACES = ("--mount", "--pid", "--uts", "--ipc", "--cgroup")


@dataclass
class SystemdMachine:
    """Args: first: the process that is number one in there."""

    first: int

    def run(self, command: str, *, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """A line of a shell, by root."""
        target = ["nsenter", "--target", str(self.first), "--net", "--root", *SPACES]
        return subprocess.run(
            [*target, "sh", "-c", f"cd / && {command}"],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def do(self, command: str, *, seconds: float = 120) -> str:
        """The same, which must succeed; what it said."""
        done = self.run(command, seconds=seconds)
        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
        return done.stdout

    def ccxsec(self, command: str) -> str:
        """A command of the product as the page has root run it."""
        exported = "export CCXSEC_ENV_FILE=/etc/ccxsec/ccxsec.env CCXSEC_DATA=/var/lib/ccxsec"
        exported += " CCXSEC_MASTER_KEY_FILE=/etc/ccxsec/master.keys"
        return self.do(f"{exported}; /opt/ccxsec/ccxsec {command}")

    def write(self, path: str, text: str) -> None:
        self.do(f"mkdir -p {Path(path).parent}; printf %s {shlex.quote(text)} > {path}")

    def shows(self, unit: str, name: str) -> str:
        return self.do(f"systemctl show --value --property={name} {unit}").strip()

    def journal(self, unit: str = "ccxsec-*") -> str:
        return self.do(f"journalctl --no-pager --output=cat --unit='{unit}'")

    def until(self, is_so: Callable[[], bool], what: str, *, seconds: float = 40) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, f"{what}: {self.journal('ccxsec-w*')[-3000:]}"
            time.sleep(0.3)


@contextmanager
def booted(folder: Path) -> Iterator[SystemdMachine]:
    """With the checkout at /opt/ccxsec and its Python environment, and nothing else yet."""
    if os.geteuid():
        message = "a machine with systemd is made of namespaces: it needs root"
        pytest.fail(message) if in_ci() else pytest.skip(message)
    needs("/lib/systemd/systemd", "systemd")
    needs("ip", "iproute2")
    needs(PYTHON, "python3")
    checkout, own = folder / "checkout", folder / "machine"
    shutil.copytree(ROOT, checkout, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    own.mkdir()
    environment = os.environ | {"CCXSEC_PYTHON": PYTHON}
    environment.setdefault("UV_CACHE_DIR", str(ROOT / ".tools" / "cache"))
    with (folder / "boot.log").open("w+b") as log:
        process = subprocess.Popen(
            ["unshare", "--fork", "--kill-child", *SPACES, BOOT, own, checkout],
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            yield _running(process, folder / "boot.log")
        finally:
            process.kill()
            process.wait(20)


def _running(process: "subprocess.Popen[bytes]", log: Path) -> SystemdMachine:
    """Once it is systemd, which has started all that it wants."""
    deadline = time.monotonic() + 180
    while True:
        time.sleep(0.3)
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        for child in psutil.Process(process.pid).children():
            if child.name() == "systemd":
                machine = SystemdMachine(child.pid)
                state = machine.run("systemctl is-system-running").stdout.strip()
                if state in ("running", "degraded"):
                    return machine
