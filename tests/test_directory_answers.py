"""A directory that answers oddly, slowly or without end: whom it lets in, and what is counted."""

import socket
import ssl
import struct
from contextlib import suppress
from itertools import count
from threading import Thread
from time import monotonic, sleep

import pytest
from pytest_django import Settings

from ccxsec_project.authentication import directory as module
from ccxsec_project.authentication.models import Attempts
from certificates.models import Action, Event
from tests.conftest import HttpsClient
from tests.ldap_answers import (
    ANN,
    BOUND,
    INVALID_CREDENTIALS,
    REFERRAL,
    SUCCESS,
    Answer,
    answering,
    entry,
    message,
    result,
    tlv,
)
from tests.ldap_server import Directory
from tests.test_directory import directory, said, server, sign_in

__all__ = ["directory", "server"]  # fixtures
pytestmark = [pytest.mark.spec("MN-2"), pytest.mark.django_db]


def hang_up(connection: ssl.SSLSocket, number: int) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def wrong(connection: ssl.SSLSocket, number: int) -> None:
    connection.sendall(result(number, BOUND, INVALID_CREDENTIALS))


def wrong_and_hang_up(connection: ssl.SSLSocket, number: int) -> None:
    wrong(connection, number)
    hang_up(connection, number)


def say_nothing(connection: ssl.SSLSocket, number: int) -> None:
    """Until the other side gives up."""


def refer(connection: ssl.SSLSocket, number: int) -> None:
    others = tlv(0xA3, tlv(4, b"ldaps://another.example.com/"))
    connection.sendall(result(number, BOUND, REFERRAL, others))


def garble(connection: ssl.SSLSocket, number: int) -> None:
    connection.sendall(message(number, BOUND, b"\xff\x00"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (wrong_and_hang_up, "correct username and password"),
        (hang_up, "did not say whether"),
        (say_nothing, "did not say whether"),
        (refer, "did not say whether"),
        (garble, "did not say whether"),
    ],
)
def test_a_password_that_was_sent_is_an_attempt_whatever_is_answered(
    directory: Directory,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    words: str,
) -> None:
    """A directory may well answer by that to a wrong one, and tell a right one by its answer."""
    monkeypatch.setattr(module, "PATIENCE", 1)
    with answering(directory.folder, password=answer) as port:
        settings.CCXSEC_LDAP_URL = f"ldaps://localhost:{port}"
        for _ in range(settings.CCXSEC_LOCK_OUT_AFTER):
            assert words in said(sign_in(HttpsClient(), "ann", "wrong"))
    told = Event.objects.filter(action=Action.SIGN_IN_FAILED)
    assert told.count() == settings.CCXSEC_LOCK_OUT_AFTER

    assert "too many failed attempts" in said(sign_in(HttpsClient(), "ann", "wrong"))


def test_a_right_password_lets_in_though_the_connection_ends(
    directory: Directory, settings: Settings
) -> None:
    def right(connection: ssl.SSLSocket, number: int) -> None:
        connection.sendall(result(number, BOUND, SUCCESS))
        hang_up(connection, number)

    with answering(directory.folder, password=right) as port:
        settings.CCXSEC_LDAP_URL = f"ldaps://localhost:{port}"
        assert sign_in(HttpsClient(), "ann", "right").status_code == 302
    assert not Attempts.objects.filter(failures__gt=0).exists()


def drip(connection: ssl.SSLSocket, number: int) -> None:
    for octet in entry(number, ANN, uid=b"ann" * 1000):
        connection.sendall(bytes([octet]))
        sleep(0.2)


def never_end(connection: ssl.SSLSocket, number: int) -> None:
    for _ in count():
        connection.sendall(entry(number, ANN, uid=b"ann" * 5_000))


def announce_much(connection: ssl.SSLSocket, number: int) -> None:
    connection.sendall(b"\x30\x84\x7f\xff\xff\xff")
    for _ in count():
        connection.sendall(bytes(50_000))


@pytest.mark.parametrize("search", [drip, never_end, announce_much])
def test_an_answer_has_an_end(
    directory: Directory, settings: Settings, monkeypatch: pytest.MonkeyPatch, search: Answer
) -> None:
    """Else one that is asked for a name would hold a thread for good, or all of the memory."""
    monkeypatch.setattr(module, "ALTOGETHER", 3)
    begun = monotonic()
    with answering(directory.folder, password=wrong, search=search) as port:
        settings.CCXSEC_LDAP_URL = f"ldaps://localhost:{port}"
        assert "can&#x27;t be asked" in said(sign_in(HttpsClient(), "ann"))
    assert monotonic() - begun < 15


def test_what_is_said_before_tls_has_an_end(
    directory: Directory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stands in between can write it."""
    monkeypatch.setattr(module, "ALTOGETHER", 2)

    def write(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with suppress(OSError), connection:
            for octet in b"\x30\x84\x7f\xff\xff\xff" + bytes(100):
                connection.sendall(bytes([octet]))
                sleep(0.2)

    begun = monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings.CCXSEC_LDAP_URL = f"ldap://localhost:{listening.getsockname()[1]}"
        between = Thread(target=write, args=(listening,), daemon=True)
        between.start()
        assert "gives no answer" in said(sign_in(HttpsClient(), "ann"))
    assert monotonic() - begun < 10
    between.join()
