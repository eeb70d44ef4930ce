"""What a TLS server really serves: the certificate of its handshake."""

import socket
import ssl
from hashlib import sha256


class ProbeError(Exception):
    """No handshake took place; the text says why."""


def served_fingerprint(host: str, port: int, *, server_name: str = "", timeout: float = 5.0) -> str:
    """SHA-256 of the certificate that a server shows, lower-case hexadecimal.

    Nothing is verified: the question is which certificate it is, not whether it is trusted.

    Args:
        timeout: seconds for the connection, and again for each step of the handshake.

    Raises:
        ProbeError: nobody answered, or not with TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # a legacy certificate is an answer, too
    try:
        with (
            socket.create_connection((host, port), timeout) as connection,
            context.wrap_socket(connection, server_hostname=server_name or None) as tls,
        ):
            der = tls.getpeercert(binary_form=True)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise ProbeError(f"{host} port {port}: {reason}") from error
    return sha256(der or b"").hexdigest()
