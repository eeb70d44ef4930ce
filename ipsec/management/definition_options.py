"""The fields of a policy as options of `add` and `set`, and as the words that these take."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import IntEnum, StrEnum
from typing import Any

from certificates.refusal import Refused
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
from ipsec.policy.definition import ANY_PORT, FIELD_LABELS, Definition
from ipsec.policy.profiles import PROFILES, ProfileName
from ipsec.policy.rules import read_address

_WORDS: dict[str, type[StrEnum]] = {
    "authentication": Authentication,
    "peer_type": PeerType,
    "protocol": Protocol,
    "mode": Mode,
    "encryption": Encryption,
    "hash": Hash,
    "esp": Esp,
}
_NUMBERS: dict[str, tuple[IntEnum, ...]] = {
    "ike_version": tuple(IkeVersion),
    "phase_one_dh": PHASE_ONE_GROUPS,
    "phase_two_dh": tuple(DhGroup),
}
_ABOUT = {
    "authentication": ": psk, with --key-file; certificate: this server's ipsec certificate",
    "peer_type": ", with certificates: same accepts whom ipsec-trust vouches for; different only"
    " the one of --certificate-name",
    "protocol": " of the traffic that is protected; the rest is left as it is",
    "source_port": " of that traffic, at this server",
    "destination_port": " of that traffic, at the peer",
    "remote_port": ": UDP port of the peer's IKE daemon, nearly always 500",
    "encryption": " of the negotiation (phase one)",
    "hash": " of phase one; also of phase two, unless --esp is a GCM or Poly1305",
    "esp": ": the cipher of the packets (phase two)",
    "phase_two_dh": "; off: no perfect forward secrecy",
    "phase_one_life_time": ", 60 to 2147483",
    "phase_two_life_time": ", 60 to 2147483",
    "certificate_name": ": the peer's, of ipsec-trust; with --peer-type different",
}
_PORTS = ("source_port", "destination_port")
_LIFE_TIMES = ("phase_one_life_time", "phase_two_life_time")
_ADDRESSES = {"source_address": "source", "destination_address": "destination"}


def add_definition(parser: ArgumentParser, *, is_new: bool) -> None:
    """Let a verb take every field of a policy.

    Args:
        is_new: the two hosts must be named; what is not given comes from the profile.
    """
    about = "; ".join(f"{name}: {PROFILES[name].about}" for name in ProfileName)
    default = " (default: modern)" if is_new else ""
    parser.add_argument("--profile", choices=[*ProfileName], help=f"{about}{default}")
    for field, option in _ADDRESSES.items():
        label = FIELD_LABELS[field]
        help_text = f"{label}: IP address or fully qualified host name"
        parser.add_argument(f"--{option}", required=is_new, metavar="ADDRESS", help=help_text)
    for field, words in _WORDS.items():
        _option(parser, field, choices=[word.value for word in words])
    for field, numbers in _NUMBERS.items():
        _option(parser, field, type=_number_of(numbers), metavar=_metavar(numbers))
    for field in _PORTS:
        _option(parser, field, type=_port, metavar="1-65535|any")
    _option(parser, "remote_port", type=int, metavar="1-65535")
    for field in _LIFE_TIMES:
        _option(parser, field, type=int, metavar="SECONDS")
    _option(parser, "certificate_name", metavar="NAME")


def defined(options: Mapping[str, Any], former: Definition | None = None) -> Definition:
    """The definition that the options describe; what is not given is as it was, or the default.

    Raises:
        Refused: policy.address, policy.unnamed.
    """
    given: dict[str, Any] = {}
    if options["profile"]:
        given |= PROFILES[ProfileName(options["profile"])].fields
    for field, option in _ADDRESSES.items():
        if options[option] is not None:
            given[field] = read_address(options[option])
    for field, words in _WORDS.items():
        if options[field] is not None:
            given[field] = words(options[field])
    for field in (*_NUMBERS, *_PORTS, *_LIFE_TIMES, "remote_port", "certificate_name"):
        if options[field] is not None:
            given[field] = options[field]
    text = options["name"] if former is None else options["rename"]
    if text is not None:
        given["group"], given["name"] = split_name(text)
    return Definition(**given) if former is None else replace(former, **given)


def split_name(text: str) -> tuple[str, str]:
    """Group and name of a policy. Raises `Refused` policy.unnamed."""
    group, slash, name = text.partition("/")
    if not slash or not is_text(text):
        wrong = f"{visible(text)[:130]!r} does not name a policy."
        raise Refused("policy.unnamed", wrong, "Write GROUP/NAME.")
    return group, name


def is_text(text: str) -> bool:
    """Whether a word of the command line is text, which no database takes otherwise.

    Bytes that are no UTF-8 come as surrogates (PEP 383).
    """
    return not any("\ud800" <= character <= "\udfff" for character in text)


def words_of(definition: Definition) -> dict[str, str | int]:
    """Every field by the word that the options take, so that a script can give it back."""
    return {field: _word(field, getattr(definition, field)) for field in FIELD_LABELS}


def _word(field: str, value: Any) -> str | int:
    if field in _PORTS:
        return "any" if value == ANY_PORT else int(value)
    if isinstance(value, DhGroup):
        return value.value or "off"
    return value.value if isinstance(value, IntEnum | StrEnum) else value


def _option(parser: ArgumentParser, field: str, **settings: Any) -> None:
    name = f"--{field.replace('_', '-')}"
    parser.add_argument(name, help=f"{FIELD_LABELS[field]}{_ABOUT.get(field, '')}", **settings)


def _number_of(choices: tuple[IntEnum, ...]) -> Callable[[str], IntEnum]:
    """Reads one of the numbers; `off` is 0."""

    def read(text: str) -> IntEnum:
        wanted = "0" if text.lower() == "off" else text
        found = next((choice for choice in choices if str(choice.value) == wanted), None)
        if found is None:
            raise ArgumentTypeError(f"{text!r}: choose from {_metavar(choices)}")
        return found

    return read


def _metavar(choices: tuple[IntEnum, ...]) -> str:
    return "|".join(str(choice.value or "off") for choice in choices)


def _port(text: str) -> int:
    """0 can't be written, though it stands for any port in a definition."""
    if text.lower() == "any":
        return ANY_PORT
    if not (text.isascii() and text.isdigit()):
        raise ValueError
    if not int(text):
        raise ArgumentTypeError("ports begin at 1")
    return int(text)


_port.__name__ = "port"  # argparse names it: "invalid port value"
