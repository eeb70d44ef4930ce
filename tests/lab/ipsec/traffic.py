"""Traffic between two hosts, from sockets of the test itself: no program is started for it."""

import contextlib
import socket
import time

from tests.lab.ipsec.hosts import Host

CLEAR_TEXT = b"this is what nobody on the wire may read"
SECONDS = 3.0  # in which an answer comes; TCP asks again after 1 s what a trap has dropped
AGAIN = 0.1  # seconds after which UDP asks again
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def exchange(
    source: Host,
    destination: Host,
    *,
    protocol: str = "tcp",
    port: int = 7,
    source_port: int = 0,
    family: int = 4,
    seconds: float = SECONDS,
) -> bool:
    """Send `CLEAR_TEXT`, from a client at the source to a server, and back; whether it came.

    Args:
        protocol: tcp or udp.
        source_port: 0: any.
        family: 4 or 6, the version of IP.
        seconds: after which it is given up.
    """
    kind = KINDS[protocol]
    with (
        _bound(destination, family, port, kind) as server,
        _bound(source, family, source_port, kind) as client,
    ):
        over = _over_tcp if protocol == "tcp" else _over_udp
        with contextlib.suppress(OSError):  # a time-out, or what a blocking policy says
            return over(client, server, seconds)
    return False


def _bound(host: Host, family: int, port: int, kind: int) -> socket.socket:
    with host.entered():
        made = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host.ipv6 if family == 6 else host.ipv4, port))
    return made


def _over_tcp(client: socket.socket, server: socket.socket, seconds: float) -> bool:
    server.listen(1)
    for each in (client, server):
        each.settimeout(seconds)
    client.connect(server.getsockname())
    accepted, _ = server.accept()
    with accepted:
        accepted.settimeout(seconds)
        client.sendall(CLEAR_TEXT)
        accepted.sendall(accepted.recv(len(CLEAR_TEXT)))
    return client.recv(len(CLEAR_TEXT)) == CLEAR_TEXT


def _over_udp(client: socket.socket, server: socket.socket, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    client.connect(server.getsockname())
    for each in (client, server):
        each.settimeout(AGAIN)
    while time.monotonic() < deadline:
        with contextlib.suppress(TimeoutError, ConnectionRefusedError):
            client.send(CLEAR_TEXT)
            data, sender = server.recvfrom(len(CLEAR_TEXT))
            server.sendto(data, sender)
            if client.recv(len(CLEAR_TEXT)) == CLEAR_TEXT:
                return True
    return False
