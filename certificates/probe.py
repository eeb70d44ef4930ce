"""What a TLS server really serves: the certificates of its handshake.

Nothing is verified: the question is which certificate it is, not whether it is trusted. No client
certificate is ever sent, and nothing but the handshake is read.
"""

import socket
import time
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address

from OpenSSL import SSL, crypto

from certificates.outgoing import Place, dial
from certificates.x509.visible import visible

STEP_SECONDS = 4.0  # for the connection, and for each time that the server lets us wait
WHOLE_SECONDS = 8.0  # for everything, whatever the server sends
MOST_BYTES = 512 * 1024  # of a handshake; OpenSSL itself takes chains up to 100 kB
MOST_CERTIFICATES = 20  # of a chain that are kept, the server's own first
_PORTION = 16 * 1024
_CIPHERS = b"ALL:@SECLEVEL=0"  # a legacy certificate is an answer, too

# Reasons of OpenSSL that tell a person nothing, in words.
_IN_WORDS = {
    "wrong version number": "it does not speak TLS on this port",
    "packet length too long": "it does not speak TLS on this port",
    "record layer failure": "it does not speak TLS on this port",
    "http request": "it does not speak TLS on this port",
    "unexpected eof while reading": "it closed the connection in the handshake",
    "unsupported protocol": "it speaks no version from TLS 1.0 to TLS 1.3",
    "tlsv1 unrecognized name": "it does not know the name that it was asked for (SNI)",
    "excessive message size": "its chain is larger than 100 kB",
}


class ProbeError(Exception):
    """No handshake took place; the text says why."""


def served_fingerprint(host: str, port: int) -> str:
    """SHA-256 of the certificate that this product's own server shows, lower-case hexadecimal.

    Raises:
        ProbeError: nobody answered, or not with TLS.
    """
    return sha256(served_chain(Place((host,), port))[0]).hexdigest()


def served_chain(
    place: Place, *, server_name: str = "", seconds: float = WHOLE_SECONDS
) -> tuple[bytes, ...]:
    """The certificates in DER as a server sends them, its own first; at least one.

    Also from a server that then ends the handshake, as it wants a client certificate. What OpenSSL
    can't parse as a certificate ends it, too: no client built on it could use that server.

    Args:
        place: addresses that the guard of outgoing connections has judged; tried in their order.
        server_name: for SNI; left out where it is an address or "".
        seconds: for everything together.

    Raises:
        ProbeError: nobody answered in time, or not with TLS; the sentence says why.
    """
    deadline = time.monotonic() + seconds
    reasons = []
    for address in place.addresses:
        try:
            with _Clock(deadline).connect(address, place.port) as connection:
                return _Handshake(connection, server_name, _Clock(deadline)).chain()
        except ProbeError as error:
            where = f"[{address}]:{place.port}" if ":" in address else f"{address}:{place.port}"
            reasons.append(f"{where}: {error}.")
    raise ProbeError(" ".join(reasons)[:300])


@dataclass(frozen=True, slots=True)
class _Clock:
    deadline: float

    def left(self) -> float:
        """Seconds for the next step."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise ProbeError("it took too long")
        return min(left, STEP_SECONDS)

    def connect(self, address: str, port: int) -> socket.socket:
        try:
            return dial(Place((address,), port), timeout=self.left())
        except TimeoutError as error:
            raise ProbeError("nobody answered in time") from error
        except OSError as error:
            raise ProbeError((error.strerror or type(error).__name__).lower()) from error


@dataclass(slots=True)
class _Handshake:
    """OpenSSL works on memory; the octets go over the socket here, within the limits."""

    connection: socket.socket
    server_name: str
    clock: _Clock
    received: int = field(default=0)

    def chain(self) -> tuple[bytes, ...]:
        tls = SSL.Connection(_context())
        tls.set_connect_state()
        if self.server_name and not _is_address(self.server_name):
            tls.set_tlsext_host_name(self.server_name.encode("idna"))
        wrong = self._shake_hands(tls)
        found = [
            crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
            for certificate in (tls.get_peer_cert_chain() or [])[:MOST_CERTIFICATES]
        ]
        if not found:
            raise ProbeError(wrong or "it has no certificate")
        return tuple(found)

    def _shake_hands(self, tls: SSL.Connection) -> str:
        """Why it did not come to its end; "" when it did."""
        while True:
            try:
                tls.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error as error:
                return _in_words(error)
            else:
                self._send(tls)
                return ""
            try:
                self._send(tls)
                tls.bio_write(self._receive())
            except ProbeError as error:
                return str(error)

    def _send(self, tls: SSL.Connection) -> None:
        try:
            while octets := tls.bio_read(_PORTION):
                self.connection.settimeout(self.clock.left())
                self.connection.sendall(octets)
        except SSL.WantReadError:
            pass  # nothing is left
        except OSError as error:
            raise ProbeError("it closed the connection in the handshake") from error

    def _receive(self) -> bytes:
        self.connection.settimeout(self.clock.left())
        try:
            octets = self.connection.recv(_PORTION)
        except TimeoutError as error:
            raise ProbeError("it said nothing in time") from error
        except OSError as error:
            raise ProbeError("it closed the connection in the handshake") from error
        self.received += len(octets)
        if not octets:
            raise ProbeError("it closed the connection in the handshake")
        if self.received > MOST_BYTES:
            raise ProbeError(f"it sent more than {MOST_BYTES:,} bytes in the handshake")
        return octets


def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_cipher_list(_CIPHERS)
    context.set_options(SSL.OP_LEGACY_SERVER_CONNECT)  # renegotiates as before RFC 5746
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    return context


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _in_words(error: SSL.Error) -> str:
    stack = error.args[0] if error.args and isinstance(error.args[0], list) else []
    reasons = [str(entry[-1]) for entry in stack if entry]
    known = next((_IN_WORDS[reason] for reason in reasons if reason in _IN_WORDS), "")
    told = reasons[0] if reasons else "it closed the connection in the handshake"
    return known or f"no TLS handshake, {visible(told)[:100]}"
