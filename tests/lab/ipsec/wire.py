"""What goes over the cable, as tcpdump sees it: IKE, ESP, or clear text."""

import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import IO

from tests.lab.ipsec.hosts import CABLE, Host
from tests.parts import needs

IPV4, IPV6 = 0x0800, 0x86DD  # EtherTypes
LAST = 0x88B5  # for local experiments (IEEE 802): the packet after which nothing is waited for
TCP, UDP, ESP, ICMPV6 = 6, 17, 50, 58  # protocol numbers (IANA)
IKE_PORTS = {500, 4500}
NON_ESP_MARKER = bytes(4)  # RFC 3948, 2.2: on port 4500 IKE begins with it, ESP does not
NEIGHBOURS = range(133, 138)  # ICMPv6 types of RFC 4861, IPv6's ARP
PCAP_HEADER, RECORD_HEADER = 24, 16  # bytes


class Kind(StrEnum):
    IKE = "IKE"
    ESP = "ESP"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of IP. `payload`: what follows the header of IP."""

    source: str
    destination: str
    protocol: int
    payload: bytes = field(repr=False)

    @property
    def ports(self) -> tuple[int, int]:
        """Source and destination; (0, 0) where the protocol has none."""
        if self.protocol not in {TCP, UDP}:
            return 0, 0
        source, destination = struct.unpack("!HH", self.payload[:4])
        return source, destination

    @property
    def kind(self) -> Kind:
        if self.protocol == ESP:
            return Kind.ESP
        if self.protocol == UDP and IKE_PORTS & set(self.ports):
            is_esp = 4500 in self.ports and self.payload[8:12] != NON_ESP_MARKER
            return Kind.ESP if is_esp else Kind.IKE
        return Kind.CLEAR

    def __str__(self) -> str:
        """For example `TCP 192.0.2.1:1024 > 192.0.2.2:80`."""
        names = {TCP: "TCP", UDP: "UDP", ESP: "ESP"}
        source, destination = (f":{port}" if port else "" for port in self.ports)
        name = names.get(self.protocol, str(self.protocol))
        return f"{name} {self.source}{source} > {self.destination}{destination}"


@dataclass
class Capture:
    """The packets that passed while the block of `listening` ran; filled at its end."""

    packets: list[Packet] = field(default_factory=list)

    def of(self, kind: Kind) -> list[str]:
        """The packets of a kind, in words."""
        return [str(packet) for packet in self.packets if packet.kind == kind]

    @property
    def counts(self) -> dict[str, int]:
        return {kind.value: len(self.of(kind)) for kind in Kind}

    def holds(self, secret: bytes) -> bool:
        """Whether these bytes passed for anybody to read, whatever kind of packet it was."""
        return any(secret in packet.payload for packet in self.packets)


@contextmanager
def listening(host: Host) -> Iterator[Capture]:
    """Capture at the host's end of the cable, both directions."""
    tcpdump = needs("tcpdump", "tcpdump")
    words = ["-Z", "root", "-i", CABLE, "-n", "-U", "--immediate-mode", "-w", "-"]
    with subprocess.Popen(
        host.command(tcpdump, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        capture = Capture()
        try:
            said = process.stderr.readline()  # once it listens
            assert b"listening on" in said, said + process.stderr.read()
            yield capture
            _send_last(host)
            capture.packets += _packets(process.stdout)
        finally:
            process.send_signal(signal.SIGTERM)


def _send_last(host: Host) -> None:
    """A frame of our own, behind everything that was sent before."""
    with host.entered():
        last = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with last:
        last.bind((CABLE, 0))
        last.send(b"\xff" * 6 + bytes(6) + struct.pack("!H", LAST) + bytes(46))


def _packets(pcap: IO[bytes]) -> Iterator[Packet]:
    """Read pcap (pcap-savefile(5), in this machine's byte order) up to the last frame."""
    pcap.read(PCAP_HEADER)
    while header := pcap.read(RECORD_HEADER):
        frame = pcap.read(struct.unpack("=IIII", header)[2])
        kind = struct.unpack("!H", frame[12:14])[0]
        if kind == LAST:
            return
        packet = _packet(kind, frame[14:])
        if packet:
            yield packet


def _packet(kind: int, data: bytes) -> Packet | None:
    """None for what is not IP, and for what only finds the neighbour's Ethernet address."""
    if kind == IPV4:
        payload = data[(data[0] & 15) * 4 : struct.unpack("!H", data[2:4])[0]]
        return Packet(str(ip_address(data[12:16])), str(ip_address(data[16:20])), data[9], payload)
    if kind != IPV6 or (data[6] == ICMPV6 and data[40] in NEIGHBOURS):
        return None
    payload = data[40 : 40 + struct.unpack("!H", data[4:6])[0]]
    return Packet(str(ip_address(data[8:24])), str(ip_address(data[24:40])), data[6], payload)
