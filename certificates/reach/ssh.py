"""Another server over SSH: the host key is compared before anything secret is said.

paramiko's own waits end late or never (a silent peer at the start of a subsystem), so each step
has a watchdog that closes the connection.
"""

import base64
import contextlib
import shlex
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

import paramiko

from certificates import outgoing
from certificates.reach.command import Ended, Tail
from certificates.reach.packets import LONGEST_PACKET, BoundedPacketizer
from certificates.reach.private_key import loaded
from certificates.reach.sftp import RemoteFiles
from certificates.sentence import say
from certificates.x509.visible import visible

LIMIT = 10.0  # seconds for each step
_LONGEST_SAID = 300  # characters of what went wrong
_LOOK = 0.3  # seconds between two looks whether a command has ended
_KEEPALIVE = 15  # seconds without traffic until a sign of life, for what forgets quiet connections
_WINDOW = 2**22  # bytes that may come unread: more than anybody asks for at once
_TROUBLE = (OSError, EOFError, paramiko.SSHException)
# What paramiko would agree to, and should not: CBC modes, SHA-1 and MD5.
_WEAK = {
    "ciphers": ["aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"],
    "macs": ["hmac-sha1", "hmac-sha1-96", "hmac-md5", "hmac-md5-96"],
}
_RSA = ("rsa-sha2-512", "rsa-sha2-256")


class SshError(Exception):
    """The outside is not as it should be; the text is a sentence without a secret."""


class NoAnswerError(SshError):
    """Nobody answered, or not with SSH, or the connection broke."""


class ForbiddenPlaceError(NoAnswerError):
    """The host leads to an address that nobody may ask for; nothing was sent."""


class NoSubsystemError(SshError):
    """The server is there, and does not offer what was asked for."""


class LoginRefusedError(SshError):
    """The server knows neither this password nor this key for the user."""


class HostKeyChangedError(SshError):
    """Another host key than the pinned one; nothing was said to that server."""

    def __init__(self, offered: "HostKey") -> None:
        shown = offered.fingerprint
        super().__init__(say("the host key is {shown}, not the pinned one", shown=shown))
        self.offered = offered


@dataclass(frozen=True, slots=True)
class HostKey:
    """`line` as in known_hosts without the name: type and key in base64."""

    line: str
    fingerprint: str  # "SHA256:…", as `ssh-keygen -l` prints it


@dataclass(frozen=True, slots=True)
class Target:
    """Where to, as whom, and whose host key it must be."""

    host: str
    port: int
    user: str
    host_key: str
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)

    def __str__(self) -> str:
        return say("{user}@{host} port {port}", user=self.user, host=self.host, port=self.port)


class Connection:
    """An open connection to a node."""

    def __init__(self, transport: paramiko.Transport, limit: float | None = None) -> None:
        self._transport, self._limit = transport, limit

    def subsystem(self, name: str) -> paramiko.Channel:
        """A channel to a subsystem such as "sftp"; it ends with the connection.

        Raises:
            NoSubsystemError: the server does not offer it.
            NoAnswerError: the connection broke, or no answer came in time.
        """
        limit = self._limit or LIMIT
        with _step(say("opening {name}", name=name)), _watchdog(self._transport, limit):
            try:
                channel = self._transport.open_session(_WINDOW, LONGEST_PACKET, limit)
                channel.invoke_subsystem(name)
            except paramiko.SSHException as error:
                self._transport.join(0.5)  # a refusal and a cut read alike: the latter ends it
                if self._transport.is_active():
                    raise NoSubsystemError(
                        say("opening {name}: the server refuses it", name=name)
                    ) from error
                raise
        return channel

    @contextmanager
    def files(self) -> Iterator[RemoteFiles]:
        """Its files; whatever breaks the connection is `NoAnswerError`."""
        with _step(say("opening {name}", name="SFTP")), _watchdog(self._transport, LIMIT):
            client = paramiko.SFTPClient.from_transport(self._transport)
        if client is None:
            raise NoAnswerError(say("opening SFTP: the server has no such subsystem"))
        with contextlib.closing(client), _breaks(say("the transfer of files")):
            channel = client.get_channel()
            if channel:
                channel.settimeout(LIMIT)
            yield RemoteFiles(client, self.run)

    def run(self, words: Sequence[str], *, limit: float) -> Ended:
        """Run a command there. sshd hands it to the user's shell, so every word is quoted.

        Args:
            limit: seconds; at its end the channel is closed, and the command may go on there.
        """
        with _step(say("starting a command")), _watchdog(self._transport, LIMIT):
            channel = self._transport.open_session(timeout=LIMIT)
            channel.set_combine_stderr(True)
            channel.exec_command(shlex.join(words))  # nosec B601 - quoted, word by word
            channel.shutdown_write()  # nobody answers what it asks for
        tail, deadline = Tail(), time.monotonic() + limit
        with contextlib.closing(channel), _breaks(say("the command")):
            while (left := deadline - time.monotonic()) > 0:
                has_ended = channel.exit_status_ready()  # a service that it started may go on
                channel.settimeout(min(left, _LOOK))
                try:
                    data = channel.recv(64 * 1024)
                except TimeoutError:
                    if has_ended:
                        break
                    continue
                if not data:
                    break
                tail.add(data)
            known = channel.status_event.wait(max(0.0, deadline - time.monotonic()))
            status = channel.recv_exit_status() if known else -1
        if known and status == -1:
            raise NoAnswerError(say("the command: the connection ended before it did"))
        return Ended(status if known else None, tail.text())


def offered_host_key(host: str, port: int) -> HostKey:
    """The host key that a server shows; nothing is said about who asks.

    Raises:
        NoAnswerError: nobody answered with SSH.
    """
    with _transport(host, port, "", LIMIT) as transport:
        return _host_key(transport)


@contextmanager
def connected(
    target: Target,
    *,
    limit: float | None = None,
    guard: Callable[[paramiko.Transport], None] | None = None,
) -> Iterator[Connection]:
    """A connection to the server that holds the pinned key, signed in.

    Args:
        limit: seconds for each step; None: `LIMIT`.
        guard: is given the transport before anything is said, so that it can be closed from
            another thread at any time; what runs then raises `NoAnswerError`.

    Raises:
        NoAnswerError, HostKeyChangedError, LoginRefusedError.
    """
    limit = limit or LIMIT
    kind = target.host_key.split()[0]
    with _transport(target.host, target.port, kind, limit, guard) as transport:
        offered = _host_key(transport)
        if offered.line != target.host_key:
            raise HostKeyChangedError(offered)
        _sign_in(transport, target, limit)
        transport.set_keepalive(_KEEPALIVE)
        yield Connection(transport, limit)


def fingerprint_of(line: str) -> str:
    """Of a host key as it is pinned: "SHA256:…", as `ssh-keygen -l` prints it."""
    digest = sha256(base64.b64decode(line.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


@contextmanager
def _transport(
    host: str,
    port: int,
    first_type: str,
    limit: float,
    guard: Callable[[paramiko.Transport], None] | None = None,
) -> Iterator[paramiko.Transport]:
    """After the key exchange, before the login.

    Args:
        first_type: of the pinned key: a server that has several shows this one.
        limit, guard: as for `connected`.
    """
    with _step(say("connecting to {host} port {port}", host=host, port=port)):
        try:
            connection = outgoing.connect(host, port, timeout=limit)
        except outgoing.ForbiddenAddressError as error:
            raise ForbiddenPlaceError(str(error)) from error
        except UnicodeError as error:
            raise NoAnswerError(say("{host} is no host name", host=host)) from error
        # A request must not wait until the one before was acknowledged.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(
            connection, disabled_algorithms=_WEAK, packetizer_class=BoundedPacketizer
        )
    try:
        if guard:
            guard(transport)
        transport.banner_timeout = transport.channel_timeout = limit
        transport.auth_timeout = 2 * limit  # the watchdog is first: paramiko calls this a refusal
        options = transport.get_security_options()
        wanted = _RSA if first_type == "ssh-rsa" else (first_type,)
        known = [kind for kind in options.key_types if kind not in wanted]
        options.key_types = (*(k for k in options.key_types if k in wanted), *known)
        # One pass instead of two over each byte: a quarter less time for large files.
        options.ciphers = sorted(options.ciphers, key=lambda name: "-gcm@" not in name)
        with _step(say("agreeing on keys")), _watchdog(transport, limit):
            transport.start_client(timeout=limit)
            if not transport.initial_kex_done:  # it returns at its timeout without a word
                raise TimeoutError
        yield transport
    finally:
        transport.close()


def _host_key(transport: paramiko.Transport) -> HostKey:
    key = transport.get_remote_server_key()
    return HostKey(f"{key.get_name()} {key.get_base64()}", key.fingerprint)


def _sign_in(transport: paramiko.Transport, target: Target, limit: float) -> None:
    with _step(say("signing in as {user}", user=target.user)), _watchdog(transport, limit):
        if not transport.is_active():
            raise EOFError
        try:
            if target.private_key:
                transport.auth_publickey(target.user, loaded(target.private_key))
            else:
                transport.auth_password(target.user, target.password, fallback=False)
        except ValueError as error:
            raise LoginRefusedError(
                say("the private key that is kept here can't be read")
            ) from error
        except paramiko.AuthenticationException as error:
            if not transport.is_active():  # paramiko says the same where the connection broke
                raise EOFError from error
            refused = say("{target} refuses this password", target=target)
            if target.private_key:
                refused = say("{target} refuses this key", target=target)
            raise LoginRefusedError(refused) from error
    if not transport.is_authenticated():
        raise LoginRefusedError(say("{target} asks for more than one proof", target=target))


@contextmanager
def _watchdog(transport: paramiko.Transport, limit: float) -> Iterator[None]:
    """Close the connection when a step takes longer: it then raises, `TimeoutError` here."""
    has_ended = threading.Event()

    def end() -> None:
        has_ended.set()
        transport.close()

    timer = threading.Timer(limit, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except _TROUBLE as error:
        if has_ended.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()


@contextmanager
def _step(doing: str) -> Iterator[None]:
    try:
        yield
    except _TROUBLE as error:
        raise NoAnswerError(say("{doing}: {said}", doing=doing, said=_said(error))) from error


@contextmanager
def _breaks(doing: str) -> Iterator[None]:
    """A refusal of the server itself (`OSError` with a number) is the caller's to judge."""
    try:
        yield
    except (EOFError, paramiko.SSHException, TimeoutError) as error:
        raise NoAnswerError(say("{doing}: {said}", doing=doing, said=_said(error))) from error
    except OSError as error:
        if error.errno is None:
            raise NoAnswerError(say("{doing}: {said}", doing=doing, said=_said(error))) from error
        raise


def _said(error: Exception) -> str:
    """What went wrong; a server that greets oddly is repeated in it, harmless to look at."""
    said = getattr(error, "strerror", None) or str(error)
    if said:
        return visible(said)[:_LONGEST_SAID]
    if isinstance(error, TimeoutError):
        return say("no answer in time")
    return say("the connection ended")
