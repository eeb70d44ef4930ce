"""An LDAP server that answers as a test wants, over TLS with the certificate of a `Directory`."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

BIND, SEARCH, BOUND, ENTRY, DONE = 0x60, 0x63, 0x61, 0x64, 0x65  # RFC 4511, 4.2 and 4.5
SUCCESS, REFERRAL, INVALID_CREDENTIALS = 0, 10, 49
ANN = b"cn=ann,dc=example,dc=com"

Answer = Callable[[ssl.SSLSocket, int], None]  # the number is that of the message


def tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    octets = bytes([length]) if length < 128 else b"\x84" + length.to_bytes(4, "big")
    return bytes([tag]) + octets + content


def message(number: int, tag: int, *parts: bytes) -> bytes:
    octets = number.to_bytes(number.bit_length() // 8 + 1, "big")  # below 0 is none
    return tlv(0x30, tlv(2, octets) + tlv(tag, b"".join(parts)))


def result(number: int, tag: int, code: int, more: bytes = b"") -> bytes:
    return message(number, tag, tlv(10, bytes([code])), tlv(4, b""), tlv(4, b""), more)


def entry(number: int, dn: bytes, **attributes: bytes) -> bytes:
    listed = (
        tlv(0x30, tlv(4, name.encode()) + tlv(0x31, tlv(4, value)))
        for name, value in attributes.items()
    )
    return message(number, ENTRY, tlv(4, dn), tlv(0x30, b"".join(listed)))


def found(connection: ssl.SSLSocket, number: int) -> None:
    """Ann, and for whoever asks for groups, one that is called like her."""
    one = entry(number, ANN, uid=b"ann", entryUUID=b"1", cn=b"ccx-operators")
    connection.sendall(one + result(number, DONE, SUCCESS))


@contextmanager
def answering(folder: Path, *, password: Answer, search: Answer = found) -> Iterator[int]:
    """The port of a server that lets the product's own account in.

    Args:
        password: answers the second bind of a connection, the one with somebody's password.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answers = Thread(target=_answer, args=(listening, context, password, search), daemon=True)
        answers.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        answers.join()


def _answer(
    listening: socket.socket, context: ssl.SSLContext, password: Answer, search: Answer
) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return  # the test is over
        with (
            suppress(OSError),
            context.wrap_socket(connection, server_side=True) as secured,
        ):
            _converse(secured, password, search)


def _converse(connection: ssl.SSLSocket, password: Answer, search: Answer) -> None:
    """One request comes in one piece: they are short, and the next waits for the answer."""
    binds = 0
    while request := connection.recv(65_536):
        length = request[1]
        at = 2 + (length & 0x7F if length & 0x80 else 0)
        end = at + 2 + request[at + 1]
        number, asked = int.from_bytes(request[at + 2 : end], "big"), request[end]
        binds += asked == BIND
        if asked == BIND and binds == 1:
            connection.sendall(result(number, BOUND, SUCCESS))
        elif asked == BIND:
            password(connection, number)
        elif asked == SEARCH:
            search(connection, number)
