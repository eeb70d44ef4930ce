"""The running product, as an operator starts it: `up` in a process of its own, over HTTPS."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.databases import own_database
from tests.parts import needs

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct-horse-battery-staple"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Product:
    """One installation: its data folder, its port, and its process while it runs.

    Args:
        place: the words before a command that run it elsewhere, such as in a network namespace.
    """

    data: Path
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    place: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def log(self) -> Path:
        return self.data.with_suffix(".log")

    @property
    def vici(self) -> Path:
        """Where a test may have an IKE daemon answer."""
        return self.data.with_suffix(".vici")

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CCXSEC_", "DATABASE_"))}
        return kept | {
            "CCXSEC_ENV_FILE": os.devnull,
            "CCXSEC_DATA": str(self.data),
            "DATABASE_URL": own_database(self.data),
            "CCXSEC_PORT": str(self.port),
            "CCXSEC_BIND": "127.0.0.1",
            "CCXSEC_HOST_NAME": "ccx1.example.com",
            "CCXSEC_ADDRESSES": "127.0.0.1",
            "CCXSEC_ADMIN_PASSWORD": PASSWORD,
            "CCXSEC_IPSEC_SOCKET": str(self.vici),  # never the machine's own daemon
            **self.settings,
        }

    def start(self, seconds: float = 60) -> float:
        """Run `up` until it says where it serves; how many seconds that took."""
        begun = time.monotonic()
        with self.log.open("ab") as log:
            offset = log.tell()
            self.process = subprocess.Popen(
                [*self.place, sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while b"Ctrl-C stops it" not in self.log.read_bytes()[offset:]:
            if self.process.poll() is not None or time.monotonic() - begun > seconds:
                raise AssertionError(self.log.read_text())
            time.sleep(0.05)
        return time.monotonic() - begun

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit status."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(40)

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator["Product"]:
        """A new product that runs inside the block, and ends well after it."""
        needs("openssl", "openssl")
        product = cls(folder / "data")
        product.start()
        yield product
        assert product.stop() == 0

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """A command of the product on the same data."""
        return subprocess.run(
            [*self.place, sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def served_fingerprint(self) -> str:
        """SHA-256 that `openssl s_client` sees now, lower-case hexadecimal."""
        address = f"127.0.0.1:{self.port}"
        shown = subprocess.run(
            ["openssl", "s_client", "-connect", address],
            input=b"",
            capture_output=True,
            timeout=30,
            check=False,
        ).stdout
        text = subprocess.run(
            ["openssl", "x509", "-noout", "-fingerprint", "-sha256"],
            input=shown,
            capture_output=True,
            timeout=30,
            check=True,
        ).stdout.decode()
        return re.sub(r".*=|:|\s", "", text).lower()


def left_behind(product: Product) -> list[psutil.Process]:
    """Its processes that still run, wherever they are."""
    found = []
    for process in psutil.process_iter(["environ"]):
        if (process.info["environ"] or {}).get("CCXSEC_DATA") == str(product.data):
            found.append(process)
    return found
