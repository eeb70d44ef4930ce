"""The IPsec policies in the kernel, as `ip xfrm policy` shows them: the last word on a packet.

The IKE daemon tells what it wants installed; a daemon that was killed leaves what it had.
"""

import re
import shutil
import subprocess  # nosec B404 - `ip`, with fixed words and numbers
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from certificates.sentence import say
from certificates.x509.visible import visible

PATIENCE = 10.0  # seconds
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
_SELECTOR = re.compile(r"src (\S+) dst (\S+)(.*)")
_KEYS = re.compile(r"src (\S+) dst (\S+)\n\s+proto esp spi (0x\w+) .*mode transport")
_PART = re.compile(r"(proto|sport|dport) (\S+)")


class KernelUnreadable(Exception):  # noqa: N818 - an answer, not an error
    """The policies can't be read here; the text says why."""


@dataclass(frozen=True, slots=True)
class KernelPolicy:
    """One policy of the kernel's (RFC 4301, 4.4.1). Ports: 0 is any; protocol: "" is any.

    Args:
        direction: in, out or fwd.
        source, destination: networks, such as 192.0.2.1/32.
        is_block: packets are dropped, whatever is negotiated.
        is_ipsec: packets leave, or are let in, only under a security association.
        mode: transport or tunnel; "" where it asks for none.
        index: the kernel's number for it.
        priority: of all policies that a packet fits, the one of the lowest number decides.
    """

    direction: str
    source: str
    destination: str
    protocol: str
    source_port: int
    destination_port: int
    is_block: bool
    is_ipsec: bool
    mode: str
    index: int = 0
    priority: int = 0

    @property
    def is_of_hosts(self) -> bool:
        """Whether it is for two single hosts."""
        return all(one.endswith(("/32", "/128")) for one in (self.source, self.destination))

    @property
    def selector(self) -> tuple[str, str, str, int, int]:
        return (
            self.source,
            self.destination,
            self.protocol,
            self.source_port,
            self.destination_port,
        )


def installed_policies() -> list[KernelPolicy]:
    """All that are installed in this server's kernel.

    Raises:
        KernelUnreadable: there is no `ip`, or it may not look.
    """
    return list(read_policies(_run("-s", "xfrm", "policy").splitlines()))


@dataclass(frozen=True, slots=True)
class KernelKeys:
    """A security association for ESP in the kernel (RFC 4301, 4.4.2); `spi`: such as 0xc0662c23."""

    source: str
    destination: str
    spi: str


def installed_keys() -> list[KernelKeys]:
    """All that the kernel has between two hosts.

    Raises:
        KernelUnreadable: there is no `ip`, or it may not look.
    """
    return list(read_keys(_run("xfrm", "state")))


def read_keys(text: str) -> Iterator[KernelKeys]:
    """Those of transport mode, from what `ip xfrm state` prints.

    What has no algorithm yet was asked for by a packet, and protects nothing.
    """
    for block in re.split(r"^(?=src )", text, flags=re.MULTILINE):
        found = _KEYS.match(block)
        if found and re.search(r"^\s+(enc|aead) ", block, re.MULTILINE):
            yield KernelKeys(*found.groups())


def remove(policy: KernelPolicy) -> None:
    """Take a policy out of the kernel, which a daemon that is gone has left there.

    Raises:
        KernelUnreadable: it may not.
    """
    _run("xfrm", "policy", "delete", "dir", policy.direction, "index", str(policy.index))


def remove_keys(keys: KernelKeys) -> None:
    """Take a security association out of the kernel, which a daemon that is gone has left there.

    Raises:
        KernelUnreadable: it may not, or it has ended by itself.
    """
    named = ("src", keys.source, "dst", keys.destination, "proto", "esp", "spi", keys.spi)
    _run("xfrm", "state", "delete", *named)


def _run(*arguments: str) -> str:
    command = shutil.which("ip", path=_PATH)
    if command is None:
        raise KernelUnreadable(say("the command ip (package iproute2) is missing"))
    try:
        done = subprocess.run(  # noqa: S603 - fixed words and numbers, no shell
            [command, *arguments],
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env={"LC_ALL": "C", "PATH": _PATH},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KernelUnreadable(f"ip {' '.join(arguments)}: {type(error).__name__}") from error
    if done.returncode:
        said = visible(done.stderr.decode(errors="replace").strip())[:200]
        raise KernelUnreadable(f"ip {' '.join(arguments)}: {said or done.returncode}")
    return done.stdout.decode(errors="replace")


def read_policies(lines: Iterable[str]) -> Iterator[KernelPolicy]:
    """Policies from what `ip xfrm policy` prints; those of sockets are left out."""
    block: list[str] = []
    for line in lines:
        if line.startswith("src ") and block:
            yield from _read(block)
            block = []
        if line.strip():
            block.append(line)
    yield from _read(block)


def _read(block: list[str]) -> Iterator[KernelPolicy]:
    found = _SELECTOR.match(block[0]) if block else None
    text = " ".join(line.strip() for line in block[1:])
    direction = re.match(r"dir (\w+)", text)
    if found is None or direction is None:
        return
    parts = dict(_PART.findall(found[3]))
    template = re.search(r"\btmpl .*?\bmode (\w+)", text)
    index = re.search(r"\bindex (\d+)", text)
    priority = re.search(r"\bpriority (\d+)", text)
    yield KernelPolicy(
        direction=direction[1],
        source=found[1],
        destination=found[2],
        protocol=parts.get("proto", ""),
        source_port=_port(parts.get("sport", "")),
        destination_port=_port(parts.get("dport", "")),
        is_block="action block" in text,
        is_ipsec=template is not None and "level use" not in text,  # "use": if there is one
        mode=template[1] if template else "",
        index=int(index[1]) if index else 0,
        priority=int(priority[1]) if priority else 0,
    )


def _port(text: str) -> int:
    return int(text) if text.isdigit() else 0
