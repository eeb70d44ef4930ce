"""Hosts of the laboratory: two network namespaces, joined by a cable, with a charon in each.

Nothing of the machine's own network is touched, and the machine's own IKE daemon, where there is
one, is not asked. Needs root. Works on every kernel with namespaces and XFRM.
"""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import vici

from tests.parts import needs

CHARON = "/usr/sbin/charon-systemd"
# Only these plugins: half the start-up. DES and Blowfish come from OpenSSL's legacy provider.
# A peer that is silent is given up after 3 seconds, where the default would take minutes.
CONFIG = """\
charon {{
  load = random nonce openssl aes sha1 sha2 md5 hmac kdf gcm ccm ctr chapoly curve25519 xcbc cmac \
drbg pem pkcs1 pkcs7 pkcs8 pkcs12 x509 pubkey revocation constraints addrblock kernel-netlink \
socket-default vici updown counters
  install_routes = no
  install_virtual_ip = no
  retransmit_timeout = 1.0
  retransmit_tries = 2
  retransmit_base = 1.0
  plugins {{
    vici {{
      socket = unix://{folder}/charon.vici
    }}
    openssl {{
      load_legacy = yes
    }}
  }}
}}
charon-systemd {{
  journal {{
    default = -1
  }}
  filelog {{
    file {{
      path = {folder}/charon.log
      time_format = %H:%M:%S
      default = 1
      flush_line = yes
      append = yes
    }}
  }}
}}
swanctl {{
  socket = unix://{folder}/charon.vici
}}
"""
CABLE = "eth0"
# Documentation addresses (RFC 5737, RFC 3849) and names (RFC 2606).
NUMBERS = (1, 2)
CLONE_NEWNET = 0x40000000  # <linux/sched.h>
# A program sees the laboratory's names; `ip netns exec` has made mounts private before.
WITH_NAMES = 'mount --bind "$0" /etc/hosts && exec "$@"'


@dataclass
class Host:
    """One host: its namespace, its addresses, its daemon.

    Args:
        number: 1 or 2; the last part of its addresses.
        folder: short, as the path of a unix socket has 107 bytes at most.
    """

    namespace: str
    number: int
    folder: Path
    charon: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def ipv4(self) -> str:
        return f"192.0.2.{self.number}"

    @property
    def ipv6(self) -> str:
        return f"2001:db8::{self.number}"

    @property
    def fqdn(self) -> str:
        return f"host{self.number}.example.com"

    @property
    def vici(self) -> Path:
        """The socket at which charon is driven."""
        return self.folder / "charon.vici"

    @property
    def log(self) -> str:
        """What charon said, in all its lives."""
        files = [self.folder / "charon.log", self.folder / "charon.output"]
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def command(self, *words: str) -> list[str]:
        """What runs a program on this host, with its network and its names."""
        names = str(self.folder / "hosts")
        return ["ip", "netns", "exec", self.namespace, "sh", "-c", WITH_NAMES, names, *words]

    def run(self, *words: str) -> str:
        """Run a program to its end, which must be good; what it printed."""
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def name(self, **addresses: str) -> None:
        """Write this host's own `/etc/hosts`: which names resolve here, beside localhost."""
        lines = ["127.0.0.1 localhost", *(f"{value} {key}" for key, value in addresses.items())]
        (self.folder / "hosts").write_text("\n".join(lines) + "\n")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that this thread opens inside the block are the host's."""
        with Path("/proc/thread-self/ns/net").open() as home:
            with Path(f"/run/netns/{self.namespace}").open() as there:
                _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def start_charon(self) -> None:
        """Start the daemon, and wait until it can be driven."""
        self.vici.unlink(missing_ok=True)
        with (self.folder / "charon.output").open("ab") as output:
            self.charon = subprocess.Popen(
                self.command(CHARON),
                env=os.environ | {"STRONGSWAN_CONF": str(self.folder / "strongswan.conf")},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while not _answers(self.vici):
            alive = self.charon.poll() is None and time.monotonic() < deadline
            assert alive, self.log
            time.sleep(0.02)

    def end_charon(self, number: int = signal.SIGTERM) -> None:
        """End the daemon by its process id. SIGKILL leaves its SAs and policies in the kernel."""
        if self.charon is None:
            return
        self.charon.send_signal(number)
        try:
            self.charon.wait(10)
        except subprocess.TimeoutExpired:
            self.charon.kill()
            self.charon.wait(10)
        self.charon = None

    def forget(self) -> None:
        """Drop all SAs and policies of the kernel; an ended charon may have asked for an SPI."""
        for what in ("state", "policy"):
            _ip("-n", self.namespace, "xfrm", what, "flush")

    def associations(self) -> list[dict[str, Any]]:
        """The IKE SAs that charon has now, each as vici's list-sa tells it, in text."""
        return self._ask("list_sas")

    def connections(self) -> list[dict[str, Any]]:
        """What charon has loaded, each as vici's list-conn tells it, in text."""
        return self._ask("list_conns")

    def _ask(self, command: str) -> list[dict[str, Any]]:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(str(self.vici))
            told = list(getattr(vici.Session(channel), command)())
        return [_text(one) for section in told for one in section.values()]

    def states(self) -> str:
        """The SAs in the kernel, as `ip` prints them, for each key the number of its bits.

        Without SPI it is no SA, but the kernel's own note that a packet has asked for one.
        """
        text = re.sub(
            r"^(\s+(?:enc|auth-trunc|auth|aead) \S+) (?:0x(\S*))?",
            lambda found: f"{found[1]} {len(found[2] or '') * 4} bits",
            self._xfrm("state"),
            flags=re.MULTILINE,
        )
        blocks = re.split(r"^(?=src )", text, flags=re.MULTILINE)
        return "".join(block for block in blocks if " spi 0x00000000 " not in block)

    def policies(self) -> str:
        """The policies in the kernel that are about traffic; IKE's own exceptions are none."""
        text = self._xfrm("policy").replace("\n\t", " \t ")
        lines = [line for line in text.splitlines() if "socket " not in line]
        return "\n".join(lines)

    def _xfrm(self, what: str) -> str:
        command = ["ip", "-n", self.namespace, "xfrm", what]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _text(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_text(one) for one in value]
    return value.decode(errors="replace")


def _enter(namespace: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        probe.connect(str(path))
        return True
    return False


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts that reach each other and nothing else; gone after the block, daemons too."""
    needs("charon-systemd", "charon-systemd")
    needs("ip", "iproute2")
    base = Path(tempfile.mkdtemp(prefix="ccxsec-"))
    first, second = (Host(f"{base.name}-{n}", n, base / str(n)) for n in NUMBERS)
    try:
        _lay_cable(first, second)
        for host in (first, second):
            host.folder.mkdir()
            host.name(**{each.fqdn: each.ipv4 for each in (first, second)})
            (host.folder / "strongswan.conf").write_text(CONFIG.format(folder=host.folder))
        for host in (first, second):
            host.start_charon()
        yield first, second
    finally:
        for host in (first, second):
            host.end_charon()
            _ip("netns", "delete", host.namespace, check=False)
        shutil.rmtree(base, ignore_errors=True)


def _lay_cable(first: Host, second: Host) -> None:
    for host in (first, second):
        _ip("netns", "add", host.namespace)
    ends = [CABLE, "netns", first.namespace, "type", "veth", "peer", CABLE, "netns"]
    _ip("link", "add", *ends, second.namespace)
    for host in (first, second):
        # No link-local address: its duplicate detection would hold the first packet for a second.
        _ip("-n", host.namespace, "link", "set", CABLE, "addrgenmode", "none")
        for link in ("lo", CABLE):
            _ip("-n", host.namespace, "link", "set", link, "up")
    for host in (first, second):
        on_cable = ["-n", host.namespace, "address", "add", "dev", CABLE]
        _ip(*on_cable, f"{host.ipv4}/24")
        _ip(*on_cable, f"{host.ipv6}/64", "nodad")


def _ip(*words: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
