"""What each field of an export may hold, and how a value that it may not is shown."""

from collections.abc import Callable, Mapping
from enum import IntEnum, StrEnum
from typing import Any

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible
from ipsec.policy.choices import (
    PHASE_ONE_GROUPS,
    Authentication,
    DhGroup,
    Encryption,
    Esp,
    Hash,
    IkeVersion,
    Mode,
    PeerType,
    Protocol,
)
from ipsec.policy.definition import ANY_PORT
from ipsec.policy.rules import LIFE_TIMES, NAME, PORTS, read_address

LONGEST_CERTIFICATE_NAME = 160  # characters
_LONGEST_SHOWN = 60  # characters

_CHOICES: Mapping[str, tuple[StrEnum | IntEnum, ...]] = {
    "authentication": tuple(Authentication),
    "peer_type": tuple(PeerType),
    "protocol": tuple(Protocol),
    "mode": tuple(Mode),
    "ike_version": tuple(IkeVersion),
    "encryption": tuple(Encryption),
    "hash": tuple(Hash),
    "phase_one_dh": PHASE_ONE_GROUPS,
    "esp": tuple(Esp),
    "phase_two_dh": tuple(DhGroup),
}
_RANGES = {
    "source_port": (ANY_PORT, PORTS[-1]),
    "destination_port": (ANY_PORT, PORTS[-1]),
    "remote_port": (PORTS[0], PORTS[-1]),
    "phase_one_life_time": (LIFE_TIMES[0], LIFE_TIMES[-1]),
    "phase_two_life_time": (LIFE_TIMES[0], LIFE_TIMES[-1]),
}


def value_of(field: str, value: object, where: str) -> Any:
    """The value as the definition has it.

    Raises:
        Refused: exported.value, with `where`, the field, the value, and what it may be.
    """
    try:
        if field in _CHOICES:
            return _chosen(_CHOICES[field], value)
        if field in _RANGES:
            return _number(_RANGES[field], value)
        return _TEXTS[field](value)
    except ValueError as wanted:
        wrong = say(
            '{where}: "{field}" is {shown}; it must be {wanted}.',
            where=where,
            field=field,
            shown=shown(value),
            wanted=wanted,
        )
        cure = say("Make the export again on the other side, or correct the file.")
        raise Refused("exported.value", wrong, cure) from None


def shown(value: object) -> str:
    """A hostile value in a few harmless words: no container is unfolded, no text is long."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        cut = visible(value[:_LONGEST_SHOWN])
        return f'"{cut}"' if len(value) <= _LONGEST_SHOWN else f'"{cut}…"'
    if isinstance(value, int | float):
        digits = f"{value}"
        if len(digits) <= _LONGEST_SHOWN:
            return digits
        return say("a number of {count} digits", count=len(digits))
    return say("a list") if isinstance(value, list) else say("an object")


def _chosen(choices: tuple[StrEnum | IntEnum, ...], value: object) -> StrEnum | IntEnum:
    """By type too: in Python 1 == True == 1.0."""
    for choice in choices:
        if type(value) is type(choice.value) and value == choice.value:
            return choice
    texts = [shown(choice.value) for choice in choices]
    if len(texts) == 1:
        raise ValueError(texts[0])
    raise ValueError(say("{choices} or {last}", choices=", ".join(texts[:-1]), last=texts[-1]))


def _number(bounds: tuple[int, int], value: object) -> int:
    lowest, highest = bounds
    if type(value) is not int or not lowest <= value <= highest:
        raise ValueError(
            say("a whole number from {least} to {most}", least=lowest, most=f"{highest:,}")
        )
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError(say("1 to 64 letters, digits and hyphens"))
    return value


def _address(value: object) -> str:
    """In the one way of writing that policies have; blanks around it are no part of it."""
    wanted = say("an IPv4 address, an IPv6 address or a fully qualified host name")
    if not isinstance(value, str) or value != value.strip():
        raise ValueError(wanted)
    try:
        return read_address(value)
    except Refused:
        raise ValueError(wanted) from None


def _certificate_name(value: object) -> str:
    is_text = isinstance(value, str) and len(value) <= LONGEST_CERTIFICATE_NAME
    if not isinstance(value, str) or not is_text or visible(value) != value:
        raise ValueError(
            say(
                "a text of up to {most} visible characters, or empty", most=LONGEST_CERTIFICATE_NAME
            )
        )
    return value


_TEXTS: Mapping[str, Callable[[object], str]] = {
    "group": _name,
    "name": _name,
    "certificate_name": _certificate_name,
    "source_address": _address,
    "destination_address": _address,
}
