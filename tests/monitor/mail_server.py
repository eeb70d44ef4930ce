"""A real mail server on loopback: STARTTLS or TLS with its own CA, sign-in, faults by script."""

import asyncio
import datetime
import email
import ipaddress
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.product import free_port

RESET, SILENCE = "reset", "silence"
USER, PASSWORD = "monitor", "tr0ub4dor"
Key = str | tuple[str, str]


@dataclass
class Script:
    """What the server answers; `faults` by stage, or by stage and address.

    A stage is MAIL, RCPT or DATA; its fault a reply, RESET or SILENCE. What it took by the text
    is kept, whatever it answers then.
    """

    faults: dict[Key, str] = field(default_factory=dict)
    taken: list[Envelope] = field(default_factory=list)
    on_text: Callable[[], None] | None = None  # done once, between the text and its answer

    @property
    def messages(self) -> list[EmailMessage]:
        return [parsed(envelope) for envelope in self.taken]

    def got(self, address: str) -> list[EmailMessage]:
        """What one address was sent."""
        return [parsed(one) for one in self.taken if address in one.rcpt_tos]

    async def act(self, server: SMTP, stage: str, address: str = "") -> str | None:
        fault = self.faults.get((stage, address)) or self.faults.get(stage)
        if fault == SILENCE:
            await asyncio.sleep(3600)
        if fault == RESET:
            line = server.transport.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server.transport.abort()
            return "451 never seen"
        if fault and fault.startswith("421"):
            await server.push(fault)
            server.transport.close()
        return fault

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if fault := await self.act(server, "MAIL"):
            return fault
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 sender fine"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if fault := await self.act(server, "RCPT", address):
            return fault
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient fine"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        fault = self.faults.get("DATA", "")
        if not fault[:1].isdigit():  # after a reset nobody knows; a refusal is one
            self.taken.append(envelope)
        if self.on_text:
            todo, self.on_text = self.on_text, None
            await asyncio.get_running_loop().run_in_executor(None, todo)
        if answer := await self.act(server, "DATA"):
            return answer
        return f"250 2.0.0 queued as {len(self.taken):06d}"


def parsed(envelope: Envelope) -> EmailMessage:
    message = email.message_from_bytes(bytes(envelope.original_content or b""), policy=default)
    assert isinstance(message, EmailMessage)
    return message


@contextmanager
def mail_server(
    folder: Path, script: Script, *, security: str = "starttls", port: int = 0
) -> Iterator[int]:
    """Yields its port; `folder/ca.pem` is the CA that its certificate comes from."""
    if not (folder / "server.pem").exists():
        make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")

    def authenticate(_server: Any, _session: Any, _envelope: Any, _kind: Any, data: Any) -> Any:
        good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False)

    number = port or free_port()
    options: dict[str, Any] = {"enable_SMTPUTF8": True}
    if security != "none":
        options["authenticator"] = authenticate
    if security == "starttls":
        options |= {"tls_context": context, "require_starttls": True, "auth_required": True}
    elif security == "tls":
        options |= {"ssl_context": context, "auth_require_tls": False}
    controller = Controller(script, hostname="127.0.0.1", port=number, **options)
    controller.start()
    try:
        yield number
    finally:
        controller.stop(no_assert=True)


@contextmanager
def one_liner(line: bytes, *, silent: bool = False) -> Iterator[int]:
    """A server that says one line and closes; silent: it says nothing, and stays."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        import threading  # noqa: PLC0415

        def serve() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                if silent:
                    connection.settimeout(20)
                    connection.recv(100)
                else:
                    connection.sendall(line)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])


def make_certificate(folder: Path) -> None:
    """A CA, and a certificate for localhost and 127.0.0.1; the key stands first in its file."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Mail CA")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    known = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())

    def certificate(name: x509.Name, public_key: Any, *extensions: Any) -> bytes:
        builder = x509.CertificateBuilder(
            issuer,
            name,
            public_key,
            x509.random_serial_number(),
            now - datetime.timedelta(hours=1),
            now + datetime.timedelta(days=2),
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM)

    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    ca = certificate(
        issuer,
        ca_key.public_key(),
        (x509.BasicConstraints(True, None), True),
        (usage, True),
        (known, False),
    )
    leaf = certificate(
        subject,
        key.public_key(),
        (x509.SubjectAlternativeName(names), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known), False),
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "ca.pem").write_bytes(ca)
    (folder / "server.pem").write_bytes(secret + leaf)
