"""No module but the guard opens a socket to the outside: read off the source itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import ROOT

PACKAGES = ("ccxsec_project", "certificates", "ipsec", "bulk")
GUARD = "certificates/outgoing/"
# What opens a connection, or asks a name server, of the standard library and of ours.
CALLS = {
    "socket.socket",
    "socket.create_connection",
    "socket.create_server",
    "socket.fromfd",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.gethostbyname_ex",
    "socket.gethostbyaddr",
    "socket.getfqdn",
    "paramiko.Transport",
    "paramiko.SSHClient",
}
MODULES = {
    *("http.client", "urllib.request", "smtplib", "ftplib", "imaplib", "poplib", "xmlrpc.client"),
    *("asyncio", "socketserver", "requests", "httpx", "aiohttp", "urllib3", "django.core.mail"),
    *("logging.handlers", "multiprocessing.connection"),
}
# Each use outside the guard, with why it needs none.
REASONS = {
    ("ccxsec_project/authentication/transport.py", "http.client"): "names its errors only",
    ("ccxsec_project/service_manager.py", "socket.socket"): "a unix socket of systemd",
    ("ccxsec_project/starting.py", "http.client"): "on a unix socket of this server",
    ("ccxsec_project/starting.py", "socket.socket"): "it listens, and asks its own unix socket",
    ("certificates/host.py", "socket.getfqdn"): "the name of this server itself",
    ("certificates/reach/ssh.py", "paramiko.Transport"): "on a socket of the guard",
    ("certificates/smtp.py", "smtplib"): "its _get_socket is replaced by the guard's",
    ("certificates/syslog.py", "logging.handlers"): "is given an address that the guard judged",
    ("certificates/webhook.py", "http.client"): "names its errors only",
    ("ipsec/strongswan.py", "socket.socket"): "a unix socket of this server",
}


def uses(source: str) -> Iterator[str]:
    """What of `CALLS` and `MODULES` a source text uses; a name imported from `socket` is one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in names if name in CALLS | MODULES)
            if node.module in MODULES:
                yield node.module
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = f"{owner.id}.{node.func.attr}" if isinstance(owner, ast.Name) else ""
            if name in CALLS:
                yield name


def found() -> set[tuple[str, str]]:
    return {
        (str(path.relative_to(ROOT)), use)
        for package in PACKAGES
        for path in sorted(Path(ROOT, package).rglob("*.py"))
        if GUARD not in str(path)
        for use in uses(path.read_text())
    }


def test_nobody_else_opens_a_socket() -> None:
    assert found() == set(REASONS)


@pytest.mark.parametrize(
    ("source", "use"),
    [
        ("import socket\nsocket.create_connection(('a', 1))", "socket.create_connection"),
        ("from socket import create_connection", "socket.create_connection"),
        ("import urllib.request", "urllib.request"),
        ("from urllib import request", "urllib.request"),
        ("from http.client import HTTPSConnection", "http.client"),
        ("import paramiko\nparamiko.SSHClient().connect('a')", "paramiko.SSHClient"),
        ("from django.core.mail import send_mail", "django.core.mail"),
    ],
)
def test_the_search_finds_what_it_is_there_for(source: str, use: str) -> None:
    assert use in set(uses(source))


def test_what_a_library_dials_is_replaced() -> None:
    """The two clients of the standard library whose sockets are the guard's."""
    mail = Path(ROOT, "certificates/smtp.py").read_text()
    hook = Path(ROOT, "certificates/webhook.py").read_text()

    assert "def _get_socket(" in mail
    assert "smtplib.SMTP(" not in mail.replace("class _Client(smtplib.SMTP)", "")
    assert "http.client.HTTPConnection(" not in hook
    assert "HTTPSConnection" not in hook
