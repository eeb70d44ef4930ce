"""Subjects and alternative names as an operator types them: checked, then put into X.509."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

import idna
from cryptography import x509
from cryptography.x509.oid import NameOID

from certificates.refusal import Refused
from certificates.sentence import say, say_as
from certificates.x509.visible import visible

MAXIMUM_NAMES = 500  # of alternative names in one certificate
# RFC 1123, 2.1 and RFC 1035, 2.3.4.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MAXIMUM_HOST_NAME = 253

# Upper bounds of ITU-T X.520 (RFC 5280, appendix A.1), in characters.
_ATTRIBUTES = {
    "country": (NameOID.COUNTRY_NAME, 2),
    "state": (NameOID.STATE_OR_PROVINCE_NAME, 128),
    "locality": (NameOID.LOCALITY_NAME, 128),
    "organization": (NameOID.ORGANIZATION_NAME, 64),
    "organizational_unit": (NameOID.ORGANIZATIONAL_UNIT_NAME, 64),
    "common_name": (NameOID.COMMON_NAME, 64),
}


# As they stand within a sentence.
_WORDS = {
    "country": say("country"),
    "state": say_as("part of a name", "state"),
    "locality": say("locality"),
    "organization": say("organization"),
    "organizational_unit": say("organizational unit"),
    "common_name": say("common name"),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """The parts of a subject; "" leaves one out."""

    common_name: str
    organization: str = ""
    organizational_unit: str = ""
    locality: str = ""
    state: str = ""
    country: str = ""

    def to_x509(self) -> x509.Name:
        """Raises `Refused` name.empty, name.long, name.control or name.country."""
        if not self.common_name.strip():
            raise Refused(
                "name.empty", say("The common name is empty."), say("Enter the server's name.")
            )
        return x509.Name(
            x509.NameAttribute(oid, _attribute(field, getattr(self, field).strip(), limit))
            for field, (oid, limit) in _ATTRIBUTES.items()
            if getattr(self, field).strip()
        )


def _attribute(field: str, value: str, limit: int) -> str:
    name = _WORDS[field]
    if visible(value) != value:
        wrong = say(
            "The {name} {value} contains invisible characters.",
            name=name,
            value=repr(visible(value)),
        )
        raise Refused("name.control", wrong, say("Type it again instead of pasting it."))
    if len(value) > limit:
        wrong = say(
            "The {name} has {count} characters; X.520 allows {limit}.",
            name=name,
            count=len(value),
            limit=limit,
        )
        raise Refused("name.long", wrong, say("Shorten it; long host names go into the SANs."))
    if field == "country" and not re.fullmatch("[A-Z]{2}", value):
        wrong = say("The country {value} is not a two-letter code (ISO 3166).", value=repr(value))
        raise Refused("name.country", wrong, say("Enter it in capitals, such as DE or US."))
    return value


def alternative_names(entries: Iterable[str]) -> list[x509.DNSName | x509.IPAddress]:
    """DNS names (IDN becomes A-labels) and IP addresses, in their order, each once.

    Raises:
        Refused: san.syntax or san.count; the sentence names the entry.
    """
    names: dict[x509.DNSName | x509.IPAddress, None] = {}
    for entry in entries:
        text = entry.strip()
        if text:
            names[_alternative_name(text)] = None
    if len(names) > MAXIMUM_NAMES:
        wrong = say(
            "{count} alternative names are more than {most}.",
            count=len(names),
            most=MAXIMUM_NAMES,
        )
        raise Refused("san.count", wrong, say("Leave some out."))
    return list(names)


def _alternative_name(text: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return x509.DNSName(host_name(text, wildcard=True))


def server_name(text: str) -> str:
    """What a server may be called in its common name: a host name in A-labels, or an address.

    Raises:
        Refused: name.empty, san.syntax.
    """
    if not text.strip():
        raise Refused(
            "name.empty", say("The common name is empty."), say("Enter the server's name.")
        )
    try:
        return str(ipaddress.ip_address(text.strip().strip("[]")))
    except ValueError:
        return host_name(text, wildcard=True)


def host_name(text: str, *, wildcard: bool = False) -> str:
    """A DNS name in lower-case A-labels (RFC 5891), one label or more.

    Args:
        wildcard: whether the whole leftmost label may be `*`.

    Raises:
        Refused: san.syntax.
    """
    name = text.strip().rstrip(".")
    prefix = "*." if wildcard and name.startswith("*.") else ""
    ascii_name = _to_ascii(name.removeprefix(prefix).lower())
    labels = ascii_name.split(".")
    too_wide = prefix and len(labels) == 1
    all_digits = labels[-1].isdigit()  # would be read as an address: RFC 1123, 2.1
    good = all(_LABEL.fullmatch(label) for label in labels)
    if not good or too_wide or all_digits or len(prefix + ascii_name) > MAXIMUM_HOST_NAME:
        wrong = say(
            "{text} is neither a host name nor an IP address.", text=repr(visible(text)[:100])
        )
        raise Refused("san.syntax", wrong, say("Write it like ccx1.example.com or 192.0.2.10."))
    return prefix + ascii_name


def _to_ascii(name: str) -> str:
    if name.isascii() and not any(part.startswith("xn--") for part in name.split(".")):
        return name
    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        return ""  # no label: refused by the caller, which names the input
