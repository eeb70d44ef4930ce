"""strongSwan's charon, as a benchmark needs it: new each time, in a network of its own."""

import ctypes
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import vici

NETWORK = 0x40000000  # CLONE_NEWNET of <linux/sched.h>
PROGRAM = "charon-systemd"
SOURCE, NETWORKS = "10.0.0.1", "10.0.0.1/8"
# A peer that is silent is given up after two seconds, so that what was begun soon ends.
_CONFIGURATION = """
charon {{
  load = random nonce openssl aes sha1 sha2 hmac kdf gcm pem pkcs1 pkcs8 x509 pubkey constraints \
kernel-netlink socket-default vici
  install_routes = no
  retransmit_timeout = 1.0
  retransmit_tries = 1
  retransmit_base = 1.0
  plugins {{ vici {{ socket = unix://{folder}/charon.vici }} }}
}}
charon-systemd {{ journal {{ default = -1 }} }}
"""


class Missing(Exception):  # noqa: N818 - an answer, not an error
    """It can't be run here; the text says why."""


@contextmanager
def own_network() -> Iterator[None]:
    """Until the block is left, what this thread opens and starts has a network of its own.

    Raises:
        Missing: not root, no `ip`, or no charon.
    """
    if os.geteuid() != 0:
        raise Missing("root is needed")
    ip, _ = _found("ip"), _found(PROGRAM)
    library = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as home:
        if library.unshare(NETWORK):
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            for words in (
                "link set lo up",
                "link add eth0 type veth peer eth1",
                f"address add {NETWORKS} dev eth0",
                "link set eth0 up",
                "link set eth1 up",
            ):
                subprocess.run([ip, *words.split()], check=True)
            yield
        finally:
            library.setns(home.fileno(), NETWORK)


@contextmanager
def running() -> Iterator[str]:
    """The path of a new daemon's socket."""
    folder = Path(tempfile.mkdtemp(prefix="ccxsec-ike-"))  # the path of a socket is a short one
    configuration, path = folder / "strongswan.conf", folder / "charon.vici"
    configuration.write_text(_CONFIGURATION.format(folder=folder))
    daemon = subprocess.Popen(
        [_found(PROGRAM)],
        env=os.environ | {"STRONGSWAN_CONF": str(configuration)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 20
        while not path.exists():
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise Missing("charon does not start")
            time.sleep(0.02)
        yield str(path)
    finally:
        daemon.kill()  # by itself it would take a thousand policies out of the kernel one by one
        daemon.wait()
        for what in ("policy", "state"):
            subprocess.run([_found("ip"), "xfrm", what, "flush"], check=True)
        shutil.rmtree(folder)


@contextmanager
def session(path: str) -> Iterator[Any]:
    """vici, bare."""
    with socket.socket(socket.AF_UNIX) as connected:
        connected.connect(path)
        yield vici.Session(connected)


def _found(program: str) -> str:
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None:
        raise Missing(f"{program} is missing")
    return path
