"""What an SSH server says before anybody knows it reaches no terminal as it was sent (BK-1)."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from certificates.refusal import Refused
from tests.bulk.exchanging import Exchanging

pytestmark = pytest.mark.spec("BK-1")


@contextmanager
def greeting(said: bytes) -> Iterator[int]:
    """The port of a server that says this to whoever comes, and no more."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = listening.accept()
                    with caller:
                        caller.sendall(said)
                        caller.recv(100)

        threading.Thread(target=answer, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("host_key", ["", "SHA256:compared"], ids=["unknown", "compared"])
@pytest.mark.parametrize(
    "said",
    [
        "SSH-9\x1b]0;title\x07\u202e.0-x\r\n".encode(),
        b"hello \x1b[31m\r\n" * 200,
    ],
    ids=["version", "text"],
)
def test_a_greeting_moves_nothing_on_the_terminal(
    said: bytes, host_key: str, unsaved: Exchanging
) -> None:
    with greeting(said) as port, pytest.raises(Refused) as refusal:
        unsaved.save(port=port, host_key=host_key)

    assert refusal.value.code == "sftp.unreachable"
    assert "\\u{1b}" in refusal.value.sentence
    assert refusal.value.sentence.isprintable()
