"""What a name of one kind lies within (RFC 5280, 4.2.1.10): by keys that are looked up in a set.

A name has one key for every subtree that could hold it, few of them; a subtree has one key. So the
effort grows with names plus subtrees, not with names times subtrees.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from certificates.sentence import say
from certificates.x509.name_comparison import folded
from certificates.x509.paths.extension_reading import (
    DIRECTORY,
    DNS,
    EMAIL,
    IP_ADDRESS,
    URI,
    GeneralName,
)

_ADDRESS_OCTETS = (4, 16)


@dataclass(frozen=True, slots=True)
class Subtrees:
    """Those of one kind, permitted or excluded; `has_malformed`: nobody can tell what they hold."""

    bases: tuple[bytes, ...]
    keys: frozenset[Hashable]
    has_malformed: bool


@lru_cache(maxsize=128)
def subtrees(bases: tuple[GeneralName, ...]) -> dict[int, Subtrees]:
    """The subtrees by the tag of their kind."""
    by_tag: dict[int, list[bytes]] = {}
    for base in bases:
        by_tag.setdefault(base.tag, []).append(base.value)
    return {tag: _of_one_kind(tag, values) for tag, values in by_tag.items()}


def _of_one_kind(tag: int, values: list[bytes]) -> Subtrees:
    kind = KINDS.get(tag)
    good = [value for value in values if kind and kind.is_base(value)]
    keys = frozenset(kind.base_key(value) for value in good) if kind else frozenset()
    return Subtrees(tuple(values), keys, len(good) < len(values))


@dataclass(frozen=True, slots=True)
class Kind:
    """How names of one kind are compared; `keys` are those of the subtrees that hold the name."""

    words: str
    is_name: Callable[[bytes], bool]
    is_base: Callable[[bytes], bool]
    base_key: Callable[[bytes], Hashable]
    keys: Callable[[bytes], Iterator[Hashable]]


def _is_dns(value: bytes) -> bool:
    """Labels that aren't empty; stricter rules for them are the business of who reads the SAN."""
    labels = value.split(b".")
    return value.isascii() and all(labels) and b" " not in value and b"*" not in value[1:]


def _is_dns_base(value: bytes) -> bool:
    bare = value.removeprefix(b".")
    return not value or (_is_dns(bare) and not bare.startswith(b"*"))


def _parents(name: bytes) -> Iterator[bytes]:
    """example.com and com, of host.example.com."""
    while b"." in name:
        name = name.partition(b".")[2]
        yield name


def _dns_keys(name: bytes) -> Iterator[bytes]:
    """A base with a leading dot holds only what is below it."""
    lower = name.lower()
    yield b""
    yield lower
    for parent in _parents(lower):
        yield parent
        yield b"." + parent


def _is_email(value: bytes) -> bool:
    local, at, host = value.rpartition(b"@")
    return bool(local and at) and b"@" not in local and _is_dns(host)


def _is_email_base(value: bytes) -> bool:
    return _is_email(value) if b"@" in value else _is_dns_base(value)


def _email_key(base: bytes) -> bytes:
    """Before the @, letter case counts (RFC 5280, 7.5)."""
    local, at, host = base.rpartition(b"@")
    return local + at + host.lower()


def _email_keys(name: bytes) -> Iterator[bytes]:
    yield _email_key(name)
    yield from _host_keys(name.rpartition(b"@")[2])


def _host_keys(host: bytes) -> Iterator[bytes]:
    """A base with a leading dot: hosts of that domain; else exactly that host."""
    lower = host.lower()
    yield b""
    yield lower
    for parent in _parents(lower):
        yield b"." + parent


def _uri_host(value: bytes) -> bytes:
    """The host of an authority (RFC 3986, 3.2); b"" where there is none."""
    _, separator, rest = value.partition(b"://")
    authority = rest.split(b"/")[0].split(b"?")[0].split(b"#")[0] if separator else b""
    host = authority.rpartition(b"@")[2]
    return b"" if host.startswith(b"[") else host.partition(b":")[0]


def _is_uri(value: bytes) -> bool:
    """One that has a host that is a name: others can't be constrained, so they are refused."""
    host = _uri_host(value)
    return bool(host) and _is_dns(host) and not host.replace(b".", b"").isdigit()


def _uri_keys(name: bytes) -> Iterator[bytes]:
    return _host_keys(_uri_host(name))


def _is_address(value: bytes) -> bool:
    return len(value) in _ADDRESS_OCTETS


def _is_network(value: bytes) -> bool:
    """An address and a mask: ones, then zeros."""
    half = len(value) // 2
    rest = (1 << 8 * half) - 1 - int.from_bytes(value[half:], "big")
    return len(value) in {2 * size for size in _ADDRESS_OCTETS} and rest & (rest + 1) == 0


def _network_key(base: bytes) -> Hashable:
    half = len(base) // 2
    mask = int.from_bytes(base[half:], "big")
    return half, mask.bit_count(), int.from_bytes(base[:half], "big") & mask


def _address_keys(name: bytes) -> Iterator[Hashable]:
    bits, address = 8 * len(name), int.from_bytes(name, "big")
    for ones in range(bits + 1):
        yield len(name), ones, address >> (bits - ones) << (bits - ones)


def _is_directory_name(value: bytes) -> bool:
    try:
        folded(value)
    except ValueError:
        return False
    return True


def _directory_keys(name: bytes) -> Iterator[Hashable]:
    relative_names = folded(name)
    for length in range(len(relative_names) + 1):
        yield relative_names[:length]


def wildcard_parent(name: bytes) -> bytes:
    """example.com, of *.example.com; b"" of any other name."""
    return name[2:].lower() if name.startswith(b"*.") else b""


KINDS = {
    DNS: Kind(say("DNS name"), _is_dns, _is_dns_base, bytes.lower, _dns_keys),
    EMAIL: Kind(say("e-mail address"), _is_email, _is_email_base, _email_key, _email_keys),
    URI: Kind("URI", _is_uri, _is_dns_base, bytes.lower, _uri_keys),
    IP_ADDRESS: Kind(say("IP address"), _is_address, _is_network, _network_key, _address_keys),
    DIRECTORY: Kind(
        say("directory name"), _is_directory_name, _is_directory_name, folded, _directory_keys
    ),
}
