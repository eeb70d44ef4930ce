"""The machine that the product runs on: its names and addresses."""

import ipaddress
import socket

import psutil


def host_name() -> str:
    """The fully qualified name where the resolver knows one, else the plain host name."""
    name = socket.gethostname()
    qualified = socket.getfqdn(name)
    is_better = "." in qualified and qualified.split(".")[0] == name.split(".")[0]
    return (qualified if is_better else name).lower()


def addresses() -> list[str]:
    """IPv4 and IPv6 addresses of the interfaces; loopback only where there is no other.

    Link-local addresses are left out: they mean nothing on another machine.
    """
    found: list[str] = []
    for interface in psutil.net_if_addrs().values():
        for entry in interface:
            if entry.family in (socket.AF_INET, socket.AF_INET6):
                address = ipaddress.ip_address(entry.address.split("%")[0])
                if not (address.is_loopback or address.is_link_local):
                    found.append(str(address))
    return found or ["127.0.0.1"]


def own_names(*more: str) -> list[str]:
    """Everything that a browser on the network may call this machine, for `ALLOWED_HOSTS`.

    Args:
        more: further names and addresses; "" is left out.
    """
    names = ["localhost", "127.0.0.1", "[::1]", socket.gethostname().lower(), host_name()]
    found = (*addresses(), *filter(None, more))
    names += [f"[{name}]" if ":" in name else name.lower() for name in found]
    return list(dict.fromkeys(names))
