"""The IKE daemon of this server, strongSwan's charon, over its vici socket: the one adapter (IP-7).

Everything here is a question to the daemon or an order to it; what should be is decided elsewhere.
"""

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import vici
from django.conf import settings
from django.utils import timezone

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible
from ipsec.associations import Association, Loaded, Trap, text_of
from ipsec.policy.terms import Connection

Answer = TypeVar("Answer")

PATIENCE = 20.0  # seconds for one answer of the daemon
INITIATE_PATIENCE = 30.0  # seconds for a negotiation; charon gives up by itself after 165
# What vici says of an answer that is none, also what it trips over without a word of its own.
_BROKEN = (
    vici.exception.SessionException,
    vici.exception.DeserializationException,
    vici.exception.EventUnknownException,
    struct.error,
    UnicodeDecodeError,
    LookupError,
)


class DaemonError(Refused):
    """The daemon is not there, or said no; nothing was changed by this order.

    `code` is daemon.down or daemon.refused.
    """


class PatientTransport(vici.protocol.Transport):  # type: ignore[misc] # it has no types
    """Reads whole packets, each within the socket's patience, or not at all.

    The one that it stands for waits for ever once the first byte is there: a daemon that stops
    in the middle of an answer would hold whoever asked it, and the lock that he has.
    """

    def receive(self, timeout: Any = vici.protocol.RECV_TIMEOUT_DEFAULT) -> bytes:
        """`timeout`: seconds until it begins; by default the socket's, which the rest has too."""
        patience = self.socket.gettimeout()
        try:
            if timeout is not vici.protocol.RECV_TIMEOUT_DEFAULT:
                self.socket.settimeout(timeout)
            head = self.socket.recv(self.HEADER_LENGTH)
            deadline = time.monotonic() + (patience or PATIENCE)
            head += self._rest(self.HEADER_LENGTH - len(head), deadline, is_cut=not head)
            (length,) = struct.unpack("!I", head)
            if length > self.MAX_SEGMENT:
                raise vici.exception.SessionException("what answers does not speak vici")
            return self._rest(length, deadline)
        finally:
            self.socket.settimeout(patience)

    def _rest(self, count: int, deadline: float, *, is_cut: bool = False) -> bytes:
        data = b""
        while len(data) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise OSError("it stopped in the middle of an answer")
            self.socket.settimeout(left)
            try:
                part = b"" if is_cut else self.socket.recv(count - len(data))
            except TimeoutError:
                continue
            if not part:
                raise OSError("it closed the connection")
            data += part
        return data


@dataclass(frozen=True, slots=True)
class Daemon:
    """An open session with the daemon. Every method raises `DaemonError`."""

    session: Any = field(repr=False)
    path: str

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: str = "", *, patience: float | None = None) -> "Iterator[Self]":
        """Connect to the socket `path`, by default the setting's, until the block is left.

        Args:
            patience: seconds for one answer; None: `PATIENCE`.
        """
        path = path or str(settings.CCXSEC_IPSEC_SOCKET)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(PATIENCE if patience is None else patience)
            try:
                channel.connect(path)
            except OSError as error:
                raise _down(path, error) from error
            session = vici.Session(channel)
            session.transport = PatientTransport(channel)
            yield cls(session, path)

    def started_at(self) -> datetime:
        """When this daemon started: another moment is another daemon."""
        since = self._ask(lambda: text_of(self.session.stats()["uptime"]["since"]))
        try:
            return datetime.strptime(since, "%b %d %H:%M:%S %Y").astimezone(UTC)
        except ValueError as error:
            raise _down(self.path, error) from error

    def version(self) -> str:
        told = self._ask(self.session.version)
        return " ".join(text_of(told.get(word, b"?")) for word in ("daemon", "version"))

    def connections(self) -> dict[str, Loaded]:
        return {
            name: Loaded.read(name, body)
            for section in self._all(self.session.list_conns)
            for name, body in section.items()
        }

    def associations(self) -> list[Association]:
        now = timezone.now()
        return [
            Association.read(name, body, now)
            for section in self._all(self.session.list_sas)
            for name, body in section.items()
        ]

    def traps(self) -> list[Trap]:
        return [
            Trap.read(full, body)
            for section in self._all(lambda: self.session.list_policies({"trap": "yes"}))
            for full, body in section.items()
        ]

    def shared_keys(self) -> set[str]:
        """Names of the pre-shared keys that it holds; never the keys."""
        return {text_of(key) for key in self._ask(self.session.get_shared).get("keys", [])}

    def private_keys(self) -> set[str]:
        """Its private keys, each by the SHA-1 of its public key's bits, hexadecimal."""
        return {text_of(key) for key in self._ask(self.session.get_keys).get("keys", [])}

    def load_connection(self, connection: Connection) -> None:
        """Load it in the place of one of the same name; children that are the same stay."""
        self._ask(lambda: self.session.load_conn({connection.name: connection.body}))

    def load_shared_key(self, name: str, owners: Iterable[str], key: str) -> None:
        message = {"id": name, "type": "IKE", "data": key, "owners": list(owners)}
        self._ask(lambda: self.session.load_shared(message))

    def load_private_key(self, pkcs8: bytes) -> None:
        self._ask(lambda: self.session.load_key({"type": "any", "data": pkcs8}))

    def unload_connection(self, name: str) -> None:
        """Its traps go, its associations stay."""
        self._ask(lambda: self.session.unload_conn({"name": name}))

    def unload_shared_key(self, name: str) -> None:
        self._ask(lambda: self.session.unload_shared({"id": name}))

    def unload_private_key(self, identifier: str) -> None:
        self._ask(lambda: self.session.unload_key({"id": identifier}))

    def uninstall(self, trap: Trap) -> None:
        """Take a trap out of the kernel."""
        self._ask(lambda: self.session.uninstall({"ike": trap.connection, "child": trap.child}))

    def install(self, connection: str, child: str) -> None:
        """Put a child's trap into the kernel, which a name that was not resolved has not done."""
        self._ask(lambda: self.session.install({"ike": connection, "child": child}))

    def terminate(self, *, association: str = "", child: str = "") -> None:
        """End one association or one child, by its unique number; the peer is told."""
        wanted = {"child-id": child} if child else {"ike-id": association, "force": "yes"}

        def order() -> None:
            with contextlib.suppress(vici.exception.CommandException):  # it had ended already
                list(self.session.terminate({**wanted, "timeout": "2000"}))

        self._ask(order)

    def rekey(self, child: str) -> None:
        """Have a child, by its unique number, negotiate new keys now."""
        self._ask(lambda: self.session.rekey({"child-id": child}))

    def initiate(self, connection: str, child: str) -> list[str]:
        """Negotiate, and wait for the end of it.

        Returns: what the daemon wrote meanwhile; empty when it was there already.

        Raises:
            NegotiationFailed: with the same lines, which hold the reason.
        """
        lines: list[str] = []
        message = {
            "ike": connection,
            "child": child,
            "timeout": str(int(INITIATE_PATIENCE * 1000)),
            "loglevel": "1",
        }
        self.session.transport.socket.settimeout(INITIATE_PATIENCE + PATIENCE)
        try:
            for entry in self.session.initiate(message):
                lines.append(text_of(entry.get("msg", b"")))
        except vici.exception.CommandException as error:
            raise NegotiationFailed(lines, str(error)) from error
        except (OSError, *_BROKEN) as error:
            raise _down(self.path, error) from error
        finally:
            self.session.transport.socket.settimeout(PATIENCE)
        return lines

    @contextlib.contextmanager
    def events(
        self, names: Iterable[str], *, pause: float
    ) -> "Iterator[Iterator[tuple[str, Any] | None]]":
        """What it tells by itself, as it happens; None after each `pause` seconds of silence.

        It is listened to from the first `next` on, to the end of the block.
        """
        stream = self.session.listen(list(names), timeout=pause)
        try:
            yield self._heard(stream)
        finally:
            with contextlib.suppress(OSError, *_BROKEN):  # it may be gone
                stream.close()

    def _heard(self, stream: Any) -> "Iterator[tuple[str, Any] | None]":
        while True:
            try:
                name, message = next(stream)
            except StopIteration:
                return
            except (OSError, *_BROKEN) as error:
                raise _down(self.path, error) from error
            yield (name.decode(), message) if name is not None else None

    def _all(self, question: Callable[[], Iterable[Any]]) -> list[Any]:
        return self._ask(lambda: list(question()))

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except vici.exception.CommandException as error:
            said = str(error).removeprefix("Command failed: ")
            wrong = say("The IKE daemon refused: {said}.", said=visible(said)[:200])
            raise DaemonError("daemon.refused", wrong, say("Look at its log.")) from error
        except (OSError, *_BROKEN) as error:
            raise _down(self.path, error) from error


def _down(path: str, error: Exception) -> DaemonError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return DaemonError(
        "daemon.down",
        say("No IKE daemon answers at {path} ({reason}).", path=path, reason=visible(reason)[:100]),
        say(
            "Install strongSwan with its vici plugin and start it (systemctl start strongswan), or"
            " set CCXSEC_IPSEC_SOCKET to where its socket is."
        ),
    )


class NegotiationFailed(Exception):  # noqa: N818 - an answer that is judged by its lines
    """A negotiation ended without a CHILD_SA; `lines` is what the daemon wrote meanwhile."""

    def __init__(self, lines: list[str], said: str) -> None:
        super().__init__(said)
        self.lines = lines
