"""A name that leads elsewhere the second time: each way out asks once, and goes where it judged.

The servers are real, on 127.0.0.1; at the same port of 127.0.0.2 stands a trap, where a second
look-up, or a proxy of the environment, would lead.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from bulk.transfer import opened
from certificates import outgoing, smtp, syslog, webhook
from certificates.outgoing import Allowed
from certificates.probe import served_chain
from certificates.reach.ssh import SshError, Target, connected
from certificates.refusal import Refused
from tests.bulk.transferring import host_key_of
from tests.monitor.mail_server import PASSWORD, USER, Script, mail_server
from tests.product import free_port
from tests.ssh_server import SshServer, ssh_server

pytestmark = pytest.mark.spec("MN-2")
NAME, OTHER = "localhost", "rebound.example.com"  # the certificates are for the first one
TRUE, TRAP, METADATA = "127.0.0.1", "127.0.0.2", "169.254.169.254"


@dataclass
class Resolver:
    """Answers for our names with the next of `answers`, the last one again and again."""

    ask: Callable[..., list[Any]]
    answers: list[tuple[str, ...]] = field(default_factory=lambda: [(TRUE,), (TRAP,)])
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: Any, port: Any, *rest: Any, **options: Any) -> list[Any]:
        if host not in (NAME, OTHER):
            return self.ask(host, port, *rest, **options)
        self.asked.append(host)
        addresses = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """In place of the system's, with a proxy of the environment that nobody asked for."""
    rebinding = Resolver(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    return rebinding


@dataclass
class Way:
    """`go` connects to a name and a port; what it returns is what went wrong, "" for nothing."""

    port: int
    go: Callable[[str, int], str]


def told(go: Callable[[str, int], object]) -> Callable[[str, int], str]:
    def call(host: str, port: int) -> str:
        try:
            go(host, port)
        except (Refused, SshError, OSError) as error:
            return str(error)
        return ""

    return call


class Receiver(BaseHTTPRequestHandler):
    """Takes the first request, and sends whoever asks again to the trap."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(307)
        self.send_header("Location", f"http://{TRAP}:{self.server.server_address[1]}/")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def hook(folder: Path) -> Iterator[int]:
    """HTTPS with the mail server's certificate; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with ThreadingHTTPServer((TRUE, 0), Receiver) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def mail(folder: Path, security: str) -> Callable[[str, int], str]:
    def go(host: str, port: int) -> str:
        server = smtp.Server(
            host, port, security, USER, PASSWORD, "a@example.com", str(folder / "ca.pem")
        )
        return smtp.converse(server, ["b@example.com"], b"Subject: x\r\n\r\nx\r\n").problem

    return go


def post(folder: Path) -> Callable[[str, int], str]:
    def go(host: str, port: int) -> str:
        ca_file = str(folder / "ca.pem")
        answer = webhook.post(f"https://{host}:{port}/", b"{}", {}, ca_file=ca_file)
        return "" if answer.code == 307 else answer.text

    return go


def probe(host: str, port: int) -> None:
    served_chain(Allowed.of([], own=[NAME]).place(host, port), server_name=host)


def secure_shell(server: SshServer) -> dict[str, Way]:
    def target(host: str, port: int) -> Target:
        return Target(host, port, server.user, host_key_of(server), private_key=server.key)

    def run(host: str, port: int) -> None:
        with connected(target(host, port)) as connection:
            assert connection.run(["true"], limit=10).status == 0

    def list_files(host: str, port: int) -> None:
        at = target(host, port)
        with opened(at, str(server.home), stop=lambda: False, patience=10, limit=30) as folder:
            assert folder.entries() == []

    return {"ssh": Way(server.port, told(run)), "sftp": Way(server.port, told(list_files))}


WAYS = ("probe", "webhook", "smtp", "smtp-tls", "ssh", "sftp")


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Way]]:
    folder = tmp_path_factory.mktemp("ways")
    with ExitStack() as stack:
        starttls = stack.enter_context(mail_server(folder, Script()))
        tls = stack.enter_context(mail_server(folder, Script(), security="tls"))
        hooked = stack.enter_context(hook(folder))
        yield {
            "smtp": Way(starttls, mail(folder, "starttls")),
            "smtp-tls": Way(tls, mail(folder, "tls")),
            "webhook": Way(hooked, post(folder)),
            "probe": Way(hooked, told(probe)),
            **secure_shell(stack.enter_context(ssh_server())),
        }


@contextmanager
def trap(address: str, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Listens, and never answers; every proxy of the environment is there, too."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        for spelling in (name, name.lower()):
            monkeypatch.setenv(spelling, f"http://{address}:{port}")
    with socket.create_server((address, port)) as listener:
        listener.setblocking(False)
        yield listener


def is_untouched(listener: socket.socket) -> bool:
    """Whether nobody is waiting there."""
    try:
        listener.accept()
    except BlockingIOError:
        return True
    return False


@pytest.mark.parametrize("kind", WAYS)
def test_the_first_answer_is_the_only_one(
    kind: str, ways: dict[str, Way], resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = ways[kind]
    with trap(TRAP, way.port, monkeypatch) as listener:
        assert way.go(NAME, way.port) == ""

        assert is_untouched(listener)
    assert resolver.asked == [NAME]


@pytest.mark.parametrize("kind", WAYS)
@pytest.mark.parametrize("answer", [(METADATA,), (TRUE, METADATA), ("::ffff:a9fe:a9fe", TRUE)])
def test_one_forbidden_address_refuses_the_name(
    kind: str,
    answer: tuple[str, ...],
    ways: dict[str, Way],
    resolver: Resolver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolver.answers = [answer, (TRUE,)]
    port = free_port()
    with trap(TRUE, port, monkeypatch) as listener:
        assert "which is link-local" in ways[kind].go(NAME, port)

        assert is_untouched(listener)
    assert resolver.asked == [NAME]


@pytest.mark.parametrize("kind", ["webhook", "smtp", "smtp-tls"])
def test_the_certificate_must_be_for_the_name_not_for_the_address(
    kind: str, ways: dict[str, Way], resolver: Resolver
) -> None:
    """It is for 127.0.0.1 as well, which is where the connection goes."""
    problem = ways[kind].go(OTHER, ways[kind].port)

    assert "Hostname mismatch" in problem
    assert ways[kind].go(TRUE, ways[kind].port) == ""


@pytest.mark.parametrize("kind", [kind for kind in WAYS if kind != "probe"])
@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("192.0.2.0/24", "which is not listed in CCXSEC_OUTGOING_ALLOWED"),
        ("0.0.0.0/0", ""),
        (TRUE, ""),
        (NAME, ""),
    ],
)
def test_a_list_allows_what_is_on_it_alone(
    kind: str, entry: str, why: str, ways: dict[str, Way], resolver: Resolver, settings: Settings
) -> None:
    settings.CCXSEC_OUTGOING_ALLOWED = [entry]

    problem = ways[kind].go(NAME, ways[kind].port)

    assert (why in problem) if why else (problem == "")


def test_a_log_server_is_resolved_once_and_judged(resolver: Resolver) -> None:
    lines = [("a line", 20), ("another", 20)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((TRUE, 0))
        listener.settimeout(5)
        assert syslog.send(lines, f"{NAME}:{listener.getsockname()[1]}") == ""
        assert b"a line" in listener.recv(1000)
        assert b"another" in listener.recv(1000)
    assert resolver.asked == [NAME]
    resolver.answers = [(METADATA,)]

    assert "which is link-local" in syslog.send(lines, f"{NAME}:514")


@pytest.mark.parametrize(
    "address",
    ["169.254.1.1", "::ffff:169.254.1.1", "64:ff9b::a9fe:101", "2002:a9fe:101::1", "fe80::1"],
)
def test_a_question_to_a_daemon_goes_to_no_forbidden_address(address: str) -> None:
    with pytest.raises(outgoing.ForbiddenAddressError):
        outgoing.datagrams(address, 500, timeout=1)
