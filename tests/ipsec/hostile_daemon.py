"""Programs at the socket of the IKE daemon that are none, or not in their right mind."""

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Reply = Callable[[bytes], Iterable[bytes]]


def packet(content: bytes) -> bytes:
    return struct.pack("!I", len(content)) + content


def pair(name: bytes, value: bytes) -> bytes:
    """A value of vici, with its name."""
    return b"\x03" + bytes([len(name)]) + name + struct.pack("!H", len(value)) + value


REPLIES: dict[str, Reply] = {
    "web server": lambda _: [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    "echo": lambda data: [data],
    "nothing in a packet": lambda _: [packet(b"")],
    "confirms everything": lambda _: [packet(b"\x05")],
    "knows no command": lambda _: [packet(b"\x02")],
    "knows no event": lambda _: [packet(b"\x06")],
    "answers nothing": lambda _: [packet(b"\x01")],
    "fails without a word": lambda _: [packet(b"\x01" + pair(b"success", b"no"))],
    "name of other letters": lambda _: [packet(b"\x01" + pair(b"\xff\xfe", b"x"))],
    "cut off": lambda _: [packet(b"\x01\x03\x09abc")],
    "unknown kind": lambda _: [packet(b"\x01\x09\x09")],
    "unknown time": lambda _: [
        packet(b"\x01\x01\x06uptime" + pair(b"since", b"yesterday") + b"\x02")
    ],
    "stops in the middle": lambda _: [struct.pack("!I", 100) + b"\x01abc"],
    "stops in the length": lambda _: [b"\x00"],
    "longer than memory": lambda _: [b"\xff\xff\xff\xff"],
}


@contextmanager
def listening(path: Path, reply: Reply) -> Iterator[None]:
    """Whatever is sent is answered so, until the block is left."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        threading.Thread(target=_serve, args=(server, reply), daemon=True).start()
        try:
            yield
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, reply: Reply) -> None:
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            threading.Thread(target=_answer, args=(client, reply), daemon=True).start()


def _answer(client: socket.socket, reply: Reply) -> None:
    with client, suppress(OSError):
        while data := client.recv(65_536):
            for part in reply(data):
                client.sendall(part)
