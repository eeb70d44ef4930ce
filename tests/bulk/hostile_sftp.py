"""An SSH server whose SFTP is a script of the test: it answers what OpenSSH never would."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import paramiko

from bulk.transfer import Folder, opened
from bulk.transfer.wire import Kind
from certificates.reach.ssh import Target
from tests.bulk.transferring import never

Script = Callable[[paramiko.Channel], None]
FOLDER = struct.pack(">II", 0x04, 0o40755)  # attributes: the rights, of a directory
FILE = struct.pack(">IQIII", 0x0D, 10, 0o100644, 0, 0)  # size, rights and times, of a regular file


class Anybody(paramiko.ServerInterface):
    """Any password signs in. `subsystem`: whether there is one, asked when it is begun."""

    def __init__(self, script: Script, subsystem: Callable[[], bool]) -> None:
        self.script, self.subsystem = script, subsystem

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL  # type: ignore[attr-defined] # the stubs lack it

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED  # type: ignore[attr-defined] # the stubs lack it

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        if not self.subsystem():
            return False
        threading.Thread(target=self._answer, args=(channel,), daemon=True).start()
        return True

    def _answer(self, channel: paramiko.Channel) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self.script(channel)


def packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", 1 + len(body), kind) + body


def reply(kind: Kind, number: int, body: bytes) -> bytes:
    return packet(kind, struct.pack(">I", number) + body)


def text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def status(number: int, code: int, said: bytes = b"") -> bytes:
    return reply(Kind.STATUS, number, struct.pack(">I", code) + text(said) + text(b""))


def requests(channel: paramiko.Channel) -> Iterator[tuple[int, int, bytes]]:
    """What the client asks, after the version: kind, number, the rest."""
    data = b""

    def take(count: int) -> bytes:
        nonlocal data
        while len(data) < count:
            more = channel.recv(65536)
            if not more:
                raise EOFError
            data += more
        taken, data = data[:count], data[count:]
        return taken

    while True:
        body = take(struct.unpack(">I", take(4))[0])
        yield body[0], struct.unpack(">I", body[1:5])[0], body[5:]


def answering(answers: Callable[[int, int, bytes], bytes | None]) -> Script:
    """Version 3 without extensions, then an answer to each request; None: the usual one."""

    def script(channel: paramiko.Channel) -> None:
        for kind, number, body in requests(channel):
            if kind == Kind.INIT:
                channel.sendall(packet(Kind.VERSION, struct.pack(">I", 3)))
                continue
            answer = answers(kind, number, body)
            channel.sendall(_usual(kind, number) if answer is None else answer)

    return script


def _usual(kind: int, number: int) -> bytes:
    """A directory with one file of 10 bytes, which may be opened."""
    if kind == Kind.STAT:
        return reply(Kind.ATTRS, number, FOLDER)
    if kind in {Kind.LSTAT, Kind.FSTAT}:
        return reply(Kind.ATTRS, number, FILE)
    if kind in {Kind.OPEN, Kind.OPENDIR}:
        return reply(Kind.HANDLE, number, text(b"h"))
    return status(number, 1 if kind in {Kind.READ, Kind.READDIR} else 0)


@contextmanager
def hostile_sftp(
    script: Script, subsystem: Callable[[], bool] = lambda: True
) -> Iterator[Callable[..., AbstractContextManager[Folder]]]:
    """What opens the folder there; its keywords are those of `opened`."""
    key = paramiko.ECDSAKey.generate()
    transports: list[paramiko.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                while True:
                    transport = paramiko.Transport(listener.accept()[0])
                    transports.append(transport)
                    transport.add_server_key(key)
                    transport.start_server(server=Anybody(script, subsystem))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        line = f"{key.get_name()} {key.get_base64()}"
        target = Target("127.0.0.1", port, "somebody", line, password="x")
        try:
            yield lambda **options: opened(target, "exchange", **{"stop": never} | options)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for transport in transports:
                transport.close()
                transport.join(10)
