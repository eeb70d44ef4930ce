"""The sockets of the guard: what they dial are addresses, never names."""

import socket
from ipaddress import ip_address

from certificates.outgoing.allowed import Allowed, Place, anywhere


def connect(host: str, port: int, *, timeout: float) -> socket.socket:
    """A TCP connection to the first address of `host` that answers, wherever it may be.

    Args:
        timeout: seconds for each address, and then for each read and write.

    Raises:
        ForbiddenAddressError: one of its addresses is one that nobody may ask for.
        OSError: no address, or nobody answers.
        UnicodeError: it is no host name.
    """
    return dial(anywhere().judged(host, port), timeout=timeout)


def dial(place: Place, *, timeout: float) -> socket.socket:
    """A TCP connection to the first of the addresses that answers; nothing is resolved.

    Args:
        timeout: as for `connect`.

    Raises:
        OSError: nobody answers; what the last address said.
    """
    last = OSError("no address")
    for address in place.addresses:
        connection = socket.socket(_family(address), socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout)
            connection.connect((address, place.port))
        except OSError as error:
            connection.close()
            last = error
        else:
            return connection
    raise last


def datagrams(address: str, port: int, *, timeout: float) -> socket.socket:
    """A UDP socket that sends to `address` (no name) and hears only what comes from there.

    Args:
        timeout: seconds for each read.

    Raises:
        ForbiddenAddressError: it is one that nobody may ask for, in whatever form.
        OSError: there is no way to it.
    """
    Allowed(is_open=True).judge(address, [address])
    channel = socket.socket(_family(address), socket.SOCK_DGRAM)
    try:
        channel.settimeout(timeout)
        channel.connect((address, port))
    except OSError:
        channel.close()
        raise
    return channel


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6  # noqa: PLR2004
