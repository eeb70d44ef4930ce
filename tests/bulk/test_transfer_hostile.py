"""A server that does not keep to SFTP: every lie ends as a refusal, with bounded memory."""

import contextlib
import io
import socket
import struct
import threading
import tracemalloc
from collections.abc import Callable
from datetime import timedelta

import paramiko
import pytest

from bulk.transfer import Folder, opened
from bulk.transfer.wire import Kind
from certificates.reach.ssh import Target
from certificates.refusal import Refused
from tests.bulk.hostile_sftp import (
    FILE,
    Script,
    answering,
    hostile_sftp,
    packet,
    reply,
    requests,
    status,
    text,
)
from tests.bulk.transferring import NAME, OURS, PART, never

pytestmark = pytest.mark.spec("BK-5")
MANY = 0xFFFF_FFFF


def read(folder: Folder) -> None:
    folder.read(NAME, io.BytesIO(), most=100)


def listed(folder: Folder) -> None:
    folder.entries()


def published(folder: Folder) -> None:
    folder.publish(NAME, io.BytesIO(b"0123456789"), part=PART)


def raw(data: bytes) -> Script:
    """Whatever the client says, it hears this."""

    def script(channel: paramiko.Channel) -> None:
        channel.recv(9)
        channel.sendall(data)

    return script


def on(kind: Kind, answer: Callable[[int], bytes]) -> Script:
    return answering(lambda asked, number, body: answer(number) if asked == kind else None)


def name(number: int, count: int, *names: bytes, attributes: bytes = FILE) -> bytes:
    entries = b"".join(text(one) + text(b"") + attributes for one in names)
    return reply(Kind.NAME, number, struct.pack(">I", count) + entries)


EXTENDED = struct.pack(">II", 0x8000_0000, MANY)
BEGINNINGS = {
    "two-gigabytes": struct.pack(">IB", 2**31, 2),
    "nothing-in-it": struct.pack(">I", 0) * 100,
    "no-version": packet(Kind.STATUS, struct.pack(">II", 0, 0)),
    "version-6": packet(Kind.VERSION, struct.pack(">I", 6)),
    "half-an-extension": packet(Kind.VERSION, struct.pack(">II", 3, MANY)),
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}
ANSWERS: dict[str, tuple[Script, Callable[[Folder], None]]] = {
    "number-of-nobody": (on(Kind.OPEN, lambda n: reply(Kind.HANDLE, n + 7, text(b"h"))), read),
    "another-kind": (on(Kind.OPEN, lambda n: reply(Kind.DATA, n, text(b"h"))), read),
    "unknown-kind": (on(Kind.OPEN, lambda n: packet(77, struct.pack(">I", n))), read),
    "good-and-no-handle": (on(Kind.OPEN, lambda n: status(n, 0)), read),
    "too-short": (on(Kind.OPEN, lambda n: packet(Kind.HANDLE, struct.pack(">I", n))), read),
    "more-than-asked": (on(Kind.READ, lambda n: reply(Kind.DATA, n, text(b"x" * 11))), read),
    "no-byte": (on(Kind.READ, lambda n: reply(Kind.DATA, n, text(b""))), read),
    "length-beyond-packet": (
        on(Kind.READ, lambda n: reply(Kind.DATA, n, struct.pack(">I", MANY) + b"x")),
        read,
    ),
    "data-twice": (on(Kind.READ, lambda n: 2 * reply(Kind.DATA, n, text(b"x" * 5))), read),
    "names-without-end": (on(Kind.READDIR, lambda n: name(n, MANY, b"a")), listed),
    "empty-names": (on(Kind.READDIR, lambda n: name(n, 0)), listed),
    "slash": (on(Kind.READDIR, lambda n: name(n, 1, b"../etc/passwd")), listed),
    "attributes-without-end": (
        on(Kind.READDIR, lambda n: name(n, 1, b"a", attributes=EXTENDED)),
        listed,
    ),
    "two-gigabytes-later": (on(Kind.READDIR, lambda n: struct.pack(">IB", 2**31, 104)), listed),
    "other-bytes-than-written": (
        answering(
            lambda kind, n, body: {
                Kind.LSTAT: status(n, 2),
                Kind.READ: reply(Kind.DATA, n, text(b"9876543210")),
            }.get(Kind(kind))
        ),
        published,
    ),
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_a_beginning_that_is_no_sftp(beginning: bytes) -> None:
    with hostile_sftp(raw(beginning)) as connect, pytest.raises(Refused) as refusal:
        connect(patience=5).__enter__()

    assert refusal.value.code == "sftp.failed"
    assert "does not keep to SFTP" in refusal.value.sentence


@pytest.mark.parametrize(("script", "work"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_none(script: Script, work: Callable[[Folder], None]) -> None:
    with (
        hostile_sftp(script) as connect,
        connect(patience=5) as folder,
        pytest.raises(Refused) as refusal,
    ):
        work(folder)

    differs = work is published
    assert refusal.value.code == ("sftp.differs" if differs else "sftp.failed")
    assert differs or "does not keep to SFTP" in refusal.value.sentence


def test_a_list_without_end_is_refused() -> None:
    names = [f"{number:0200}".encode() for number in range(500)]
    script = on(Kind.READDIR, lambda n: name(n, len(names), *names))
    with hostile_sftp(script) as connect, connect() as folder, pytest.raises(Refused) as refusal:
        folder.entries()

    assert refusal.value.code == "sftp.crowded"


@pytest.mark.parametrize("size", [2**63, 10**12, 101])
def test_a_size_is_not_believed(size: int) -> None:
    large = struct.pack(">IQIII", 0x0D, size, 0o100644, 0, 0)

    def answer(kind: int, number: int, body: bytes) -> bytes | None:
        return reply(Kind.ATTRS, number, large) if kind in {Kind.LSTAT, Kind.FSTAT} else None

    script = answering(answer)
    with hostile_sftp(script) as connect, connect() as folder, pytest.raises(Refused) as refusal:
        read(folder)

    assert refusal.value.code == "sftp.large"


def test_its_words_are_shown_and_not_obeyed() -> None:
    said = "\u202e<b>\n".encode() + b"\xff" * 5000
    script = on(Kind.OPEN, lambda number: status(number, 4, said))
    with hostile_sftp(script) as connect, connect() as folder, pytest.raises(Refused) as refusal:
        read(folder)

    assert refusal.value.code == "sftp.failed"
    assert "{202e}<b>" in refusal.value.sentence
    assert refusal.value.sentence.isprintable()
    assert len(refusal.value.sentence) < 600


@pytest.mark.parametrize("stream", ["output", "errors"])
def test_a_flood_ends_before_it_fills_the_memory(stream: str) -> None:
    """It does not ask for room, and nobody reads: the client is still busy."""
    flooding = threading.Event()

    def flood(channel: paramiko.Channel) -> None:
        for kind, number, _ in requests(channel):
            if kind == Kind.INIT:
                channel.sendall(packet(Kind.VERSION, struct.pack(">I", 3)))
            elif kind == Kind.STAT:
                channel.sendall(reply(Kind.ATTRS, number, struct.pack(">II", 0x04, 0o40755)))
            else:
                flooding.set()
                send = channel.sendall if stream == "output" else channel.sendall_stderr
                while True:
                    channel.out_window_size = 2**30
                    send(reply(Kind.DATA, number, text(b"x" * 30_000)))

    with hostile_sftp(flood) as connect, connect(patience=60) as folder:
        tracemalloc.start()
        try:
            with pytest.raises(Refused) as refusal:
                folder.locked("East", OURS, lifetime=timedelta(minutes=1)).__enter__()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert flooding.is_set()
    assert refusal.value.code == "sftp.failed"
    assert peak < 120_000_000


def test_a_packet_of_ssh_is_no_longer_than_openssh_sends() -> None:
    """Before anybody has signed in: paramiko alone waits for two gigabytes, and keeps them."""
    said = b"SSH-2.0-hostile\r\n" + struct.pack(">I", 0x7FFF_FFFC) + b"x" * 1000
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as client, contextlib.suppress(OSError):
                client.sendall(said)
                while client.recv(65536):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        target = Target("127.0.0.1", port, "somebody", "ssh-ed25519 AAAA", password="x")
        with pytest.raises(Refused) as refusal:
            opened(target, "", stop=never, patience=20).__enter__()
        thread.join()

    assert refusal.value.code == "sftp.unreachable"
    assert "a packet of" in refusal.value.sentence


def test_there_is_no_sftp() -> None:
    with hostile_sftp(raw(b""), lambda: False) as connect, pytest.raises(Refused) as refusal:
        connect().__enter__()

    assert refusal.value.code == "sftp.no-sftp"


def test_silent_while_sftp_is_begun() -> None:
    """Paramiko alone waits for ever here."""
    over = threading.Event()
    with hostile_sftp(raw(b""), lambda: over.wait(60)) as connect:
        with pytest.raises(Refused) as refusal:
            connect(patience=1).__enter__()
        over.set()

    assert refusal.value.code == "sftp.unreachable"
    assert "opening sftp" in refusal.value.sentence
