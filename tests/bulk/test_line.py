"""The line and the small disk of the other tests do what they say."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bulk.line import Break, How, line_to
from tests.bulk.small_disk import KIB, fill, small_disk


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except OSError:
            return


@pytest.fixture
def echo() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def talk(port: int, data: bytes) -> bytes:
    """What comes back before the end, or before nothing more comes for half a second."""
    came = b""
    with socket.create_connection(("127.0.0.1", port), 0.5) as client:
        client.sendall(data)
        while len(came) < len(data) and (more := client.recv(65536)):
            came += more
    return came


def test_a_whole_line_carries_everything(echo: int) -> None:
    data = bytes(range(256)) * 4000
    with line_to(echo) as line:
        assert talk(line.port, data) == data
        deadline = time.monotonic() + 10  # it counts after it has sent
        while line.passed["down"] < len(data) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert line.passed == {"up": len(data), "down": len(data)}


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_closed_line_passes_exactly_what_it_should(echo: int, way: str) -> None:
    with line_to(echo, fault=Break(1000, way, How.CLOSE)) as line:
        assert len(talk(line.port, b"x" * 5000)) <= 1000
        assert line.passed[way] == 1000


def test_a_reset_line_is_reset(echo: int) -> None:
    with line_to(echo, fault=Break(1000, how=How.RESET)) as line, pytest.raises(ConnectionError):
        talk(line.port, b"x" * 5000)


def test_a_silent_line_stands_and_says_nothing(echo: int) -> None:
    with line_to(echo, fault=Break(1000, how=How.SILENT)) as line, pytest.raises(TimeoutError):
        talk(line.port, b"x" * 5000)


def test_a_line_is_cut_from_outside(echo: int) -> None:
    with line_to(echo) as line, socket.create_connection(("127.0.0.1", line.port), 5) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        line.cut(How.CLOSE)
        assert client.recv(1) == b""


def test_a_small_disk_is_full_and_freed(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size=64 * KIB) as disk:
        filler = fill(disk, leave=8 * KIB)
        (disk / "fits").write_bytes(b"x" * 8 * KIB)
        with pytest.raises(OSError, match="No space left"):
            (disk / "more").write_bytes(b"x" * 8 * KIB)
        filler.unlink()
        (disk / "more").write_bytes(b"x" * 8 * KIB)
