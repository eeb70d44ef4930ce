"""What the IKE daemon holds, read from the sections that its vici protocol gives (IP-7)."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from ipsec.policy.terms import OURS

_UP = {"INSTALLED", "REKEYING", "REKEYED", "UPDATING"}


@dataclass(frozen=True, slots=True)
class Child:
    """A CHILD_SA as it was negotiated: one policy's packets, both ways (RFC 7296, 2.9).

    Counters count since `installed_at`; an algorithm is in strongSwan's own words, "" for none.
    """

    name: str
    unique_id: str
    state: str
    mode: str
    encryption: str
    key_size: int
    integrity: str
    dh_group: str
    local_selectors: tuple[str, ...]
    remote_selectors: tuple[str, ...]
    spi_in: str
    spi_out: str
    bytes_in: int
    bytes_out: int
    packets_in: int
    packets_out: int
    installed_at: datetime
    rekeys_at: datetime | None
    expires_at: datetime | None

    @property
    def is_installed(self) -> bool:
        return self.state in _UP

    @classmethod
    def read(cls, body: Mapping[str, Any], now: datetime) -> Self:
        """A section below `child-sas` of `list-sa`."""
        return cls(
            name=_text(body, "name"),
            unique_id=_text(body, "uniqueid"),
            state=_text(body, "state"),
            mode=_text(body, "mode"),
            encryption=_text(body, "encr-alg"),
            key_size=_number(body, "encr-keysize"),
            integrity=_text(body, "integ-alg"),
            dh_group=_text(body, "dh-group"),
            local_selectors=_texts(body, "local-ts"),
            remote_selectors=_texts(body, "remote-ts"),
            spi_in=_text(body, "spi-in"),
            spi_out=_text(body, "spi-out"),
            bytes_in=_number(body, "bytes-in"),
            bytes_out=_number(body, "bytes-out"),
            packets_in=_number(body, "packets-in"),
            packets_out=_number(body, "packets-out"),
            installed_at=now - timedelta(seconds=_number(body, "install-time")),
            rekeys_at=_later(body, "rekey-time", now),
            expires_at=_later(body, "life-time", now),
        )


@dataclass(frozen=True, slots=True)
class Association:
    """An IKE_SA, and the CHILD_SAs that were negotiated in it."""

    connection: str
    unique_id: str
    version: int
    state: str
    local_host: str
    remote_host: str
    remote_identity: str
    encryption: str
    key_size: int
    integrity: str
    pseudo_random: str
    dh_group: str
    established_at: datetime | None
    rekeys_at: datetime | None
    children: tuple[Child, ...]

    @property
    def is_established(self) -> bool:
        return self.state in {"ESTABLISHED", "REKEYING"}

    @classmethod
    def read(cls, name: str, body: Mapping[str, Any], now: datetime) -> Self:
        """A section of `list-sa`; `name` is its connection's."""
        since = _number(body, "established")
        children = body.get("child-sas", {}).values()
        return cls(
            connection=name,
            unique_id=_text(body, "uniqueid"),
            version=_number(body, "version"),
            state=_text(body, "state"),
            local_host=_text(body, "local-host"),
            remote_host=_text(body, "remote-host"),
            remote_identity=_text(body, "remote-id"),
            encryption=_text(body, "encr-alg"),
            key_size=_number(body, "encr-keysize"),
            integrity=_text(body, "integ-alg"),
            pseudo_random=_text(body, "prf-alg"),
            dh_group=_text(body, "dh-group"),
            established_at=now - timedelta(seconds=since) if "established" in body else None,
            rekeys_at=_later(body, "rekey-time", now) or _later(body, "reauth-time", now),
            children=tuple(Child.read(child, now) for child in children),
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """A connection that the daemon holds, ours or another's."""

    name: str
    version: str
    local_addresses: tuple[str, ...]
    remote_addresses: tuple[str, ...]
    children: frozenset[str]

    @property
    def is_ours(self) -> bool:
        return self.name.startswith(OURS)

    @classmethod
    def read(cls, name: str, body: Mapping[str, Any]) -> Self:
        """A section of `list-conn`."""
        return cls(
            name,
            _text(body, "version"),
            _texts(body, "local_addrs"),
            _texts(body, "remote_addrs"),
            frozenset(body.get("children", {})),
        )


@dataclass(frozen=True, slots=True)
class Trap:
    """A kernel policy by which the first fitting packet starts a negotiation."""

    connection: str
    child: str
    local_selectors: tuple[str, ...]
    remote_selectors: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        return self.connection.startswith(OURS)

    @classmethod
    def read(cls, name: str, body: Mapping[str, Any]) -> Self:
        """A section of `list-policy`; its name is "connection/child"."""
        child = _text(body, "child")
        connection = _text(body, "ike") or name.removesuffix(f"/{child}")
        return cls(connection, child, _texts(body, "local-ts"), _texts(body, "remote-ts"))


def protocol_and_port(selector: str) -> tuple[str, int]:
    """Protocol and port of a selector such as 192.0.2.1/32[tcp/https]; "" and 0 are any."""
    inside = re.search(r"\[(.*)\]$", selector)
    protocol, _, port = inside[1].partition("/") if inside else ("", "", "")
    protocol = "" if protocol == "0" else protocol
    if not port or port.isdigit():
        return protocol, int(port or 0)
    try:
        return protocol, socket.getservbyname(port, *([protocol] if protocol else []))
    except OSError:
        return protocol, -1


def text_of(value: Any) -> str:
    """A value of vici, which may hold anything."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _text(body: Mapping[str, Any], name: str) -> str:
    return text_of(body.get(name, b""))


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(text_of(value) for value in body.get(name, []))


def _number(body: Mapping[str, Any], name: str) -> int:
    text = _text(body, name)
    return int(text) if text.lstrip("-").isdigit() else 0


def _later(body: Mapping[str, Any], name: str, now: datetime) -> datetime | None:
    return now + timedelta(seconds=_number(body, name)) if name in body else None
