"""An IKE daemon that only tells: answers of a real charon that were recorded in the laboratory.

Where ESP is missing in the kernel no CHILD_SA can be installed; what screens show of one is tested
with these. Whether it is true of the wire is tested in tests/lab/ipsec.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vici.protocol import Message, Packet

Section = dict[str, Any]
VERSION = {"daemon": "charon-systemd", "version": "5.9.8"}
STATS = {"uptime": {"running": "5 minutes", "since": "Nov 26 12:00:00 2026"}}
STREAMED = {"list-conns": "list-conn", "list-sas": "list-sa", "list-policies": "list-policy"}


@dataclass
class Recorded:
    """What it tells: for each streaming command the sections, one a message."""

    sections: dict[str, list[Section]] = field(default_factory=dict)

    def hold(self, connection: str, child: str, source: str, destination: str) -> None:
        """Loaded, with its trap in the kernel; nothing is negotiated yet."""
        body = {"version": "IKEv2", "local_addrs": [source], "remote_addrs": [destination]}
        self.sections["list-conns"] = [{connection: body | {"children": {child: {}}}}]
        trap = {"child": child, "ike": connection, "local-ts": [f"{source}/32"]}
        trap |= {"remote-ts": [f"{destination}/32"]}
        self.sections["list-policies"] = [{f"{connection}/{child}": trap}]

    def begin(self, connection: str, child: str, source: str, destination: str) -> None:
        """A negotiation that is under way."""
        self.hold(connection, child, source, destination)
        hosts = {"local-host": source, "remote-host": destination}
        asked = {"uniqueid": "1", "version": "2", "state": "CONNECTING", **hosts}
        self.sections["list-sas"] = [{connection: asked}]

    def establish(
        self, connection: str, child: str, source: str, destination: str, **differs: str
    ) -> None:
        """Negotiated as the profile Modern says, unless `differs` says otherwise of the child."""
        self.hold(connection, child, source, destination)
        installed = CHILD | {"name": child, "local-ts": [f"{source}/32"]}
        installed |= {"remote-ts": [f"{destination}/32"]} | differs
        association = IKE | {"local-host": source, "remote-host": destination}
        association |= {"remote-id": destination, "child-sas": {f"{child}-1": installed}}
        self.sections["list-sas"] = [{connection: association}]

    def answer(self, channel: socket.socket) -> None:
        """One session, until the other side ends it."""
        while True:
            packet = self._read(channel)
            if packet is None:
                return
            kind, rest = packet[0], packet[1:]
            name = rest[1 : 1 + rest[0]].decode()
            if kind == Packet.CMD_REQUEST:
                self._command(channel, name)
            else:
                self._send(channel, bytes([Packet.EVENT_CONFIRM]))

    def _command(self, channel: socket.socket, name: str) -> None:
        event = STREAMED.get(name, "")
        for section in self.sections.get(name, []) if event else []:
            head = bytes([Packet.EVENT, len(event)]) + event.encode()
            self._send(channel, head + Message.serialize(section))
        told = {"version": VERSION, "stats": STATS}.get(name, {"success": "yes"})
        body = Message.serialize({} if event else told)
        self._send(channel, bytes([Packet.CMD_RESPONSE]) + body)

    @staticmethod
    def _read(channel: socket.socket) -> bytes | None:
        head = channel.recv(4, socket.MSG_WAITALL)
        if len(head) < 4:
            return None
        return channel.recv(struct.unpack("!I", head)[0], socket.MSG_WAITALL)

    @staticmethod
    def _send(channel: socket.socket, packet: bytes) -> None:
        channel.sendall(struct.pack("!I", len(packet)) + packet)


IKE: Section = {
    "uniqueid": "1",
    "version": "2",
    "state": "ESTABLISHED",
    "encr-alg": "AES_GCM_16",
    "encr-keysize": "256",
    "prf-alg": "PRF_HMAC_SHA2_384",
    "dh-group": "ECP_384",
    "established": "754",
    "rekey-time": "24890",
}
CHILD: Section = {
    "uniqueid": "1",
    "reqid": "1",
    "state": "INSTALLED",
    "mode": "TRANSPORT",
    "protocol": "ESP",
    "spi-in": "c5a1b2c3",
    "spi-out": "cb0f7e12",
    "encr-alg": "AES_GCM_16",
    "encr-keysize": "256",
    "bytes-in": "48211",
    "packets-in": "402",
    "bytes-out": "51877",
    "packets-out": "415",
    "rekey-time": "2486",
    "life-time": "2846",
    "install-time": "754",
}


@contextmanager
def speaking(path: Path) -> Iterator[Recorded]:
    """It answers at the unix socket `path` inside the block."""
    recorded = Recorded()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen(16)

        def serve() -> None:
            with contextlib.suppress(OSError):  # closed at the end of the block
                while True:
                    channel, _ = listening.accept()
                    threading.Thread(target=_session, args=(channel,), daemon=True).start()

        def _session(channel: socket.socket) -> None:
            with channel, contextlib.suppress(OSError):
                recorded.answer(channel)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield recorded
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)
    path.unlink(missing_ok=True)
