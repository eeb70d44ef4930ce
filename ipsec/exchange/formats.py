"""The formats of an export: how each is called, saved and written."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ipsec.exchange.cisco import ios_configuration
from ipsec.exchange.document import document
from ipsec.exchange.libreswan import ipsec_conf
from ipsec.exchange.mirror import Mirror
from ipsec.exchange.swanctl import swanctl_conf


class Format(StrEnum):
    CCXSEC = "json"
    STRONGSWAN = "swanctl"
    LIBRESWAN = "libreswan"
    CISCO = "ios"

    @property
    def label(self) -> str:
        return _WRITERS[self].label

    @property
    def content_type(self) -> str:
        return "application/json" if self is Format.CCXSEC else "text/plain; charset=utf-8"

    def file_name(self, mirror: Mirror) -> str:
        """Such as `ccxsec-10-0-0-2.swanctl.conf`: for the peer at that address."""
        host = "".join(c if c.isalnum() else "-" for c in mirror.peer).strip("-")
        return f"ccxsec-{host}.{_WRITERS[self].extension}"


@dataclass(frozen=True, slots=True)
class _Writer:
    label: str
    extension: str
    write: Callable[[Mirror], bytes]


_WRITERS = {
    Format.CCXSEC: _Writer("ccxsec (JSON)", "json", document),
    Format.STRONGSWAN: _Writer(
        "strongSwan (swanctl.conf)", "swanctl.conf", lambda mirror: swanctl_conf(mirror).encode()
    ),
    Format.LIBRESWAN: _Writer(
        "Libreswan (ipsec.conf)", "ipsec.conf", lambda mirror: ipsec_conf(mirror).encode()
    ),
    Format.CISCO: _Writer(
        "Cisco IOS (crypto map)", "ios.txt", lambda mirror: ios_configuration(mirror).encode()
    ),
}


def written(mirror: Mirror, chosen: Format) -> bytes:
    """The whole file, in UTF-8 with LF.

    Raises:
        Refused: export.impossible, where the product can't express what the policies say.
    """
    return _WRITERS[chosen].write(mirror)
