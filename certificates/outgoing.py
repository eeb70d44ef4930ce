"""The one door for connections to mail servers and webhooks.

The cloud's own addresses (link-local: 169.254.169.254 hands out credentials to whoever asks) are
refused after the name was resolved, and what was checked is what is connected to.
"""

import ipaddress
import socket


class ForbiddenAddressError(OSError):
    """The name leads to an address that this product does not connect to."""


def connect(host: str, port: int, *, timeout: float) -> socket.socket:
    """A TCP connection to the first address of `host` that answers.

    Args:
        timeout: seconds for each address, and then for each read and write.

    Raises:
        ForbiddenAddressError: every address is one that nobody may ask for.
        OSError: no address, or nobody answers.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    last: OSError | None = None
    for family, kind, protocol, _, address in found:
        if _is_forbidden(str(address[0])):
            last = last or ForbiddenAddressError(f"{host} leads to {address[0]}")
            continue
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(timeout)
            connection.connect(address)
        except OSError as error:
            connection.close()
            last = error
        else:
            return connection
    raise last or OSError(f"{host} has no address")


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine itself, by its name or as an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_forbidden(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    if mapped is not None:
        found = mapped
    return bool(found.is_link_local or found.is_multicast or found.is_unspecified)
