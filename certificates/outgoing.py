"""The guard of outgoing connections: where the product may connect to, and to which address.

A name is resolved once, every address that it has is judged, and the connection goes to one of
these very addresses: a name server that gives another answer the next time changes nothing.
What is looked at (`Allowed`) must be of the cluster, or on a list; mail servers and webhooks
(`connect`) may be anywhere but where nobody may ask.
"""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from certificates.refusal import Refused
from certificates.x509.visible import visible

Address = IPv4Address | IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SETTING = "CCXSEC_PROBE_ALLOWED"

# Refused even where a name of the list leads there: what answers is not what was meant. The last
# ones hand out the credentials of a cloud's machine to whoever asks from it.
_NEVER = {
    "0.0.0.0/8": "unspecified (RFC 1122, 3.2.1.3)",
    "169.254.0.0/16": "link-local (RFC 3927)",
    "169.254.169.254/32": "a cloud's metadata service",
    "224.0.0.0/4": "multicast (RFC 5771)",
    "240.0.0.0/4": "reserved or broadcast (RFC 1112, 4)",
    "::/128": "unspecified (RFC 4291, 2.5.2)",
    "fe80::/10": "link-local (RFC 4291, 2.5.6)",
    "ff00::/8": "multicast (RFC 4291, 2.7)",
    "100.100.100.200/32": "a cloud's metadata service",
    "168.63.129.16/32": "a cloud's metadata service",
    "192.0.0.192/32": "a cloud's metadata service",
    "fd00:ec2::254/128": "a cloud's metadata service",
    "fd20:ce::254/128": "a cloud's metadata service",
}
NEVER: dict[Network, str] = {ip_network(text): why for text, why in _NEVER.items()}
_LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052, 2.1: its last 32 bits are an IPv4 address


class ForbiddenAddressError(OSError):
    """The name leads to an address that this product does not connect to."""


class UnknownHostError(Exception):
    """A name has no address; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connection may go: addresses that were judged, in the order to try them."""

    addresses: tuple[str, ...]
    port: int


@dataclass(frozen=True, slots=True)
class Allowed:
    """Loopback, which needs no entry, and what is named: networks, and host names in small letters.

    `listed`: networks that the operator wrote down. One of `NEVER` yields to itself or a part of
    itself there, not to a larger one: who allows everything does not mean these.
    """

    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    listed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str], *, own: Iterable[str] = ()) -> "Allowed":
        """`entries` of the setting, and `own` names and addresses of the cluster.

        Raises:
            ValueError: one of `entries` is neither address, network nor host name.
        """
        listed, names = _parted(entries)
        own_networks, own_names = _parted(own)
        return cls((*listed, *own_networks), names | own_names, listed)

    def place(self, host: str, port: int) -> Place:
        """Resolve `host`, and judge each of its addresses; one that may not be met refuses all.

        Raises:
            Refused: probe.address.
            UnknownHostError: it has no address.
        """
        by_name = host.lower().rstrip(".") in self.names
        addresses = _resolved(host, port)
        for text in addresses:
            self._judge(host, ip_address(text), by_name=by_name)
        return Place(addresses, port)

    def _judge(self, host: str, address: Address, *, by_name: bool) -> None:
        faces = _faces(address)
        for face in faces:
            for network, why in NEVER.items():
                if face in network and not self._lists(face, network):
                    raise _refused(host, address, why)
        is_near = any(faces[0] in network for network in (*_LOOPBACK, *self.networks))
        if not (by_name or is_near):
            raise _refused(host, address, "not an address of this cluster")

    def _lists(self, address: Address, never: Network) -> bool:
        """Whether the operator wrote down `never` itself or a part of it, with that address."""
        return any(
            address in network
            and network.prefixlen >= never.prefixlen
            and network.version == never.version
            for network in self.listed
        )


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
        if _is_never(str(address[0])):
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


def _is_never(text: str) -> bool:
    faces = _faces(ip_address(text.partition("%")[0]))
    return any(face in network for face in faces for network in NEVER)


def _parted(entries: Iterable[str]) -> tuple[tuple[Network, ...], frozenset[str]]:
    networks: list[Network] = []
    names: set[str] = set()
    for entry in entries:
        text = entry.strip().lower().rstrip(".")
        if not text:
            continue
        try:
            networks.append(ip_network(text))
        except ValueError:
            labels = text.split(".")
            if "/" in text or ":" in text or labels[-1].isdigit() or not all(labels):
                raise ValueError(f"{entry!r} is no address, network or host name") from None
            names.add(text)
    return tuple(networks), frozenset(names)


def _resolved(host: str, port: int) -> tuple[str, ...]:
    """Each address once, in the resolver's order; the zone of a link-local one is left out."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no host name"
        raise UnknownHostError(f"{visible(host)[:100]} has no address: {reason}.") from error
    texts = [str(entry[4][0]).split("%")[0] for entry in found]
    if not texts:
        raise UnknownHostError(f"{visible(host)[:100]} has no address.")
    return tuple(dict.fromkeys(texts))


def _faces(address: Address) -> tuple[Address, ...]:
    """The address as it is meant, first; then every IPv4 address that it leads to."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped:  # RFC 4291, 2.5.5.2
        return (address.ipv4_mapped,)
    inside = [address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or int(address) >> 32 == 0:  # the second: RFC 4291, 2.5.5.1
        inside.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return (address, *(found for found in inside if found and int(address) > 1))


def _refused(host: str, address: Address, why: str) -> Refused:
    what = f"{visible(host)[:100]!r}"
    leads = f"{what} is" if str(address) == host else f"{what} leads to {address}, which is"
    return Refused(
        "probe.address",
        f"{leads} {why}: no connection is made to it.",
        f"Choose loopback or a node of the cluster, or add it to {SETTING} (docs/discovery.md).",
    )
