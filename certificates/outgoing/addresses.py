"""Names become addresses here, once; and those that nobody may ask for, in whatever form."""

import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address, ip_network

from certificates.sentence import say

Address = IPv4Address | IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Refused even where a name of the list leads there: what answers is not what was meant. The last
# ones hand out the credentials of a cloud's machine to whoever asks from it.
_NEVER = {
    "0.0.0.0/8": say("unspecified (RFC 1122, 3.2.1.3)"),
    "169.254.0.0/16": say("link-local (RFC 3927)"),
    "169.254.169.254/32": say("a cloud's metadata service"),
    "224.0.0.0/4": say("multicast (RFC 5771)"),
    "240.0.0.0/4": say("reserved or broadcast (RFC 1112, 4)"),
    "::/128": say("unspecified (RFC 4291, 2.5.2)"),
    "fe80::/10": say("link-local (RFC 4291, 2.5.6)"),
    "fec0::/10": say("site-local, which is no more (RFC 3879)"),
    "ff00::/8": say("multicast (RFC 4291, 2.7)"),
    "100.100.100.200/32": say("a cloud's metadata service"),
    "168.63.129.16/32": say("a cloud's metadata service"),
    "192.0.0.192/32": say("a cloud's metadata service"),
    "fd00:ec2::254/128": say("a cloud's metadata service"),
    "fd20:ce::254/128": say("a cloud's metadata service"),
}
NEVER: dict[Network, str] = {ip_network(text): why for text, why in _NEVER.items()}
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052, 2.1: its last 32 bits are an IPv4 address
_LOCAL_NAT64 = ip_network("64:ff9b:1::/48")  # RFC 8215: behind a prefix of 48, 56, 64 or 96 bits
_TRANSLATED = 0xFFFF_0000  # RFC 2765, 2.1: before the last 32 bits
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214, 6.1: before the last 32 bits


def faces(address: Address) -> tuple[Address, ...]:
    """The address as it is meant, first; then every IPv4 address that it leads to."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped:  # RFC 4291, 2.5.5.2
        return (address.ipv4_mapped,)
    number = int(address)
    inside = [address.sixtofour, *(address.teredo or ())]  # RFC 3056, RFC 4380
    is_compatible = number >> 32 == 0  # RFC 4291, 2.5.5.1
    is_isatap = number >> 32 & 0xFFFF_FFFF in _ISATAP
    is_translated = number >> 32 == _TRANSLATED
    is_local = address in _LOCAL_NAT64
    if address in _NAT64 or is_local or is_compatible or is_isatap or is_translated:
        inside.append(IPv4Address(number & 0xFFFF_FFFF))
    if is_local:  # RFC 6052, 2.2: around an octet that is left out; else these are of the prefix
        octets = address.packed[:8] + address.packed[9:]
        others = [IPv4Address(octets[first : first + 4]) for first in (6, 7, 8)]
        inside += [found for found in others if found.is_link_local]
    return (address, *(found for found in inside if found and number > 1))


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine itself, by its name or as an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def look_up(host: str, port: int | None = None) -> tuple[str, ...]:
    """Each address once, at least one, in the resolver's order; a link-local one without its zone.

    Raises:
        OSError, UnicodeError: it has none, or is no host name.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    texts = [str(entry[4][0]) for entry in found]
    if not texts:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return tuple(dict.fromkeys(text.split("%")[0] for text in texts))
