"""HTTP and HTTPS through the guard: the address is judged, the certificate goes by the name."""

import http.client
import ssl
from urllib.parse import urlsplit

from certificates.outgoing.sockets import connect


class GuardedConnection(http.client.HTTPConnection):
    """A connection to the host of one address; nothing of it is asked before `connect`.

    Args:
        url: `https://…`, or `http://…`.
        timeout: seconds for each step.
        ca_file: PEM file of CAs that are trusted besides those of the system; "": none.

    Raises:
        OSError: in `connect`: nobody answers, one of its addresses may not be asked, or its
            certificate is none that is trusted for this name.
    """

    def __init__(self, url: str, *, timeout: float, ca_file: str = "") -> None:
        parts = urlsplit(url)
        self._tls, self._ca_file, self._seconds = parts.scheme == "https", ca_file, timeout
        port = parts.port or (443 if self._tls else 80)
        super().__init__(parts.hostname or "", port, timeout=timeout)

    def connect(self) -> None:
        plain = connect(self.host, self.port, timeout=self._seconds)
        if not self._tls:
            self.sock = plain
            return
        context = ssl.create_default_context()
        if self._ca_file:
            context.load_verify_locations(self._ca_file)
        try:
            self.sock = context.wrap_socket(plain, server_hostname=self.host)
        except OSError:
            plain.close()
            raise


def target_of(url: str) -> str:
    """Path and query, as the first line of a request names them."""
    parts = urlsplit(url)
    return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
