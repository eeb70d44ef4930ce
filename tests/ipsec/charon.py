"""A strongSwan daemon of the test's own, in a network namespace that ends with it."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import vici

from tests.parts import is_missing, needs

HERE = "192.0.2.1"  # the source of the policies of the tests
_CLONE_NEWNET = 0x40000000  # <linux/sched.h>
_CONFIGURATION = """
charon {{
  load = random nonce openssl aes sha1 sha2 md5 hmac kdf gcm chapoly curve25519 pem pkcs1 pkcs8 \
x509 pubkey constraints kernel-netlink socket-default vici
  plugins {{
    vici {{ socket = unix://{folder}/charon.vici }}
    openssl {{ load_legacy = yes }}
  }}
}}
charon-systemd {{
  filelog {{ file {{ path = {folder}/charon.log
      default = 1
      flush_line = yes }} }}
}}
"""


class Charon:
    """Where it listens, and `swanctl` that talks to it."""

    pid = 0

    def __init__(self, folder: Path) -> None:
        self.folder, self.socket = folder, folder / "charon.vici"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """What this thread starts inside the block has the daemon's network."""
        with Path("/proc/thread-self/ns/net").open() as home:
            with Path(f"/proc/{self.pid}/ns/net").open() as there:
                _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def kill(self) -> None:
        """As a crash would: what it has put into the kernel stays there.

        Call it inside `entered()`: the namespace is kept by whoever is in it.
        """
        os.kill(self.pid, signal.SIGKILL)
        while Path(f"/proc/{self.pid}/cmdline").read_bytes():
            time.sleep(0.01)
        self.socket.unlink()

    @contextmanager
    def session(self) -> Iterator[vici.Session]:
        """Its vici protocol, bare."""
        with socket.socket(socket.AF_UNIX) as connected:
            connected.connect(str(self.socket))
            yield vici.Session(connected)

    def swanctl(self, *words: str) -> "subprocess.CompletedProcess[str]":
        program = needs("swanctl", "strongswan-swanctl")
        return subprocess.run(
            [program, *words, "--uri", f"unix://{self.socket}"],
            env=os.environ | {"STRONGSWAN_CONF": str(self.folder / "strongswan.conf")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@contextmanager
def running(folder: Path) -> Iterator[Charon]:
    """A daemon with its files in `folder`, which has no other network than its own loopback."""
    program, unshare = needs("charon-systemd", "charon-systemd"), needs("unshare", "util-linux")
    if os.geteuid() != 0:
        is_missing("root, for a network namespace", "sudo")
    daemon = Charon(folder)
    configuration = folder / "strongswan.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder))
    with (folder / "stdout").open("wb") as output:
        process = subprocess.Popen(
            [unshare, "--net", program],
            env=os.environ | {"STRONGSWAN_CONF": str(configuration)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    daemon.pid = process.pid
    try:
        _wait_for(daemon, process)
        yield daemon
    finally:
        process.terminate()
        process.wait(20)


def _enter(namespace: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _wait_for(daemon: Charon, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while not daemon.socket.exists():
        assert process.poll() is None, (daemon.folder / "stdout").read_text()
        assert time.monotonic() < deadline, "charon does not listen"
        time.sleep(0.02)


def add_addresses() -> None:
    """The addresses that the policies of the tests have as their source, in this namespace."""
    _ip("link", "set", "lo", "up")
    _ip("link", "add", "eth0", "type", "veth", "peer", "eth1")
    _ip("address", "add", f"{HERE}/24", "dev", "eth0")
    _ip("address", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
    for link in ("eth0", "eth1"):
        _ip("link", "set", link, "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
