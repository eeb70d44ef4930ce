"""E-mail IDs as an operator types them: each one address of its own (RFC 5321, 4.1.2)."""

import re
from dataclasses import dataclass

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.names import host_name
from certificates.x509.visible import visible

MOST = 50  # addresses in one list
LONGEST, LONGEST_LOCAL = 254, 64  # RFC 5321, 4.5.3.1
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")  # a dot-atom; quoted ones are a typing error here


@dataclass(frozen=True, slots=True)
class Addresses:
    """`converted` tells which domain names are written in another form, for the operator to see."""

    addresses: list[str]
    converted: list[str]


def read_addresses(text: str) -> Addresses:
    """Addresses separated by semicolons, commas or line ends; what stands twice is kept once.

    Raises:
        Refused: email.syntax, email.count.
    """
    typed = [part.strip() for part in re.split(r"[;,\r\n]", text) if part.strip(" \t")]
    if len(typed) > MOST:
        wrong = say("These are {count} addresses.", count=len(typed))
        raise Refused(
            "email.count", wrong, say("Write up to {most}, or one of a mailing list.", most=MOST)
        )
    kept: dict[str, str] = {}
    converted = []
    for one in typed:
        address = read_address(one)
        if address.partition("@")[2] != one.partition("@")[2].lower():
            converted.append(
                say("{typed} is written {address}.", typed=visible(one), address=address)
            )
        kept.setdefault(address.lower(), address)
    return Addresses(list(kept.values()), converted)


def read_address(text: str) -> str:
    """One address, its domain in lower-case A-labels (RFC 5891). Raises `Refused` email.syntax."""
    address = text.strip(" \t")
    local, at, domain = address.rpartition("@")
    if not address.isprintable() or visible(address) != address or " " in address:
        raise _refused(text, say("It contains a blank, a line break or an invisible character."))
    if not at or not local or not domain:
        raise _refused(text, say("It has no name before the @ or no domain behind it."))
    if not local.isascii():
        wrong = say("Few mail servers take letters beyond ASCII before the @.")
        raise _refused(text, wrong)
    if not _LOCAL.fullmatch(local) or len(local) > LONGEST_LOCAL or local.startswith("-"):
        raise _refused(text, say("What stands before the @ is not the name of a mailbox."))
    try:
        name = host_name(domain)
    except Refused:
        name = ""
    if not name or domain.endswith(".") or len(f"{local}@{name}") > LONGEST:
        raise _refused(text, say("What stands behind the @ is not a domain."))
    return f"{local}@{name}"


def _refused(text: str, why: str) -> Refused:
    wrong = say("{text} is not one e-mail address. {why}", text=repr(visible(text)[:80]), why=why)
    return Refused("email.syntax", wrong, say("Write each like ops@example.com, separated by ;"))
