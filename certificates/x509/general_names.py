"""General names in words (RFC 5280, 4.2.1.6): "DNS: ccx1.example.com"."""

from collections.abc import Callable
from typing import Any

from cryptography import x509

from certificates.sentence import say
from certificates.x509.decoding import octets
from certificates.x509.der import DerError, only_element
from certificates.x509.object_names import OTHER_NAMES, named
from certificates.x509.strings import text


def general_name(name: x509.GeneralName) -> str:
    """One line; what the certificate says is not escaped yet."""
    kind, words = _KINDS[type(name)]
    return say("{kind}: {value}", kind=kind, value=words(name.value)) if kind else words(name)


def _directory_name(name: x509.Name) -> str:
    return name.rfc4514_string() or say("(empty)")


def _other_name(name: x509.OtherName) -> str:
    return say(
        "Other name {kind}: {value}",
        kind=named(name.type_id.dotted_string, OTHER_NAMES),
        value=_value(name.value),
    )


def _value(der: bytes) -> str:
    """A string as text; anything else, GUIDs and sequences above all, as hexadecimal of its DER."""
    try:
        return text(only_element(der))
    except (DerError, UnicodeDecodeError):
        return octets(der)


def _dotted(identifier: x509.ObjectIdentifier) -> str:
    return identifier.dotted_string


_KINDS: dict[type[x509.GeneralName], tuple[str, Callable[[Any], str]]] = {
    x509.DNSName: ("DNS", str),
    x509.IPAddress: (say("IP address"), str),
    x509.RFC822Name: (say("E-mail"), str),
    x509.UniformResourceIdentifier: ("URI", str),
    x509.DirectoryName: (say("Directory name"), _directory_name),
    x509.RegisteredID: (say("Registered ID"), _dotted),
    x509.OtherName: ("", _other_name),
}
