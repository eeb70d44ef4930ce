"""Alternative names and addresses inside a certificate: hosts, IP addresses, URIs (RFC 5280, 4.2).

Host names by RFC 1123, 2.1 and RFC 1035, 2.3.4; wild cards by RFC 9525, 6.3.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from certificates.refusal import Finding, Outcome, Refused
from certificates.sentence import say
from certificates.x509.der import Element, only_element
from certificates.x509.fields import Extension
from certificates.x509.strings import text
from certificates.x509.uploads.limits import (
    ADDRESS_CHARACTERS,
    ALTERNATIVE_NAMES,
    HOST_NAME_CHARACTERS,
)
from certificates.x509.uploads.name_rules import (
    attributes_of,
    has_hidden_characters,
    judge_name,
    refuse_hidden_characters,
    shown,
)

SUBJECT_ALTERNATIVE_NAME, _ISSUER_ALTERNATIVE_NAME = "2.5.29.17", "2.5.29.18"
_NAME_CONSTRAINTS, _POLICIES = "2.5.29.30", "2.5.29.32"
_WITH_GENERAL_NAMES = {
    _NAME_CONSTRAINTS,
    "2.5.29.31",  # CRL distribution points
    "2.5.29.35",  # authority key identifier
    "2.5.29.46",  # freshest CRL
    "1.3.6.1.5.5.7.1.1",  # authority information access
    "1.3.6.1.5.5.7.1.11",  # subject information access
}
# Where an IA5String is an address: CPS (4.2.1.4), and the URLs of Netscape.
_WITH_ADDRESSES = {_POLICIES, *(f"2.16.840.1.113730.1.{n}" for n in (2, 3, 4, 7, 8))}
_IA5_STRING = 0x16
_STRINGS = {0x0C, 0x12, 0x13, 0x14, _IA5_STRING, 0x1A, 0x1C, 0x1E}
# General names by their tags (4.2.1.6).
_OTHER, _EMAIL, _DNS, _DIRECTORY, _URI, _IP_ADDRESS = 0xA0, 0x81, 0x82, 0xA4, 0x86, 0x87
_CONSTRUCTED = 0x20
_ADDRESS_SIZES = (4, 16)  # octets: IPv4, IPv6
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_CURE = say("Have the certificate issued again with names like ccx1.example.com or 192.0.2.10.")


@dataclass(frozen=True, slots=True)
class _Host:
    """What is odd about one host name: `wrong` refuses it, the rest is told."""

    wrong: str = ""
    has_wildcard: bool = False
    has_underscore: bool = False


def judge_addresses(called: str, extension: Extension, *, is_ca: bool) -> Iterator[Finding]:
    """Judge the names and addresses in the value of one extension, if it has any.

    Args:
        is_ca: nobody connects to a CA by the host names in its certificate: wrong ones are told.

    Raises:
        DerError: the value is not built as it should be.
        Refused: name.control, name.long, san.syntax, san.count, uri.syntax.
    """
    if extension.oid in (SUBJECT_ALTERNATIVE_NAME, _ISSUER_ALTERNATIVE_NAME):
        names = list(only_element(extension.value).children())
        if extension.oid == SUBJECT_ALTERNATIVE_NAME:
            _refuse_too_many(called, names)
        yield from _judge_names(called, names)
        if extension.oid == SUBJECT_ALTERNATIVE_NAME:
            yield from _judge_hosts(called, names, is_ca=is_ca)
    elif extension.oid in _WITH_GENERAL_NAMES:
        value = only_element(extension.value)
        if extension.oid == _NAME_CONSTRAINTS:
            yield from _judge_names(called, list(_constrained_names(value)))
        else:
            names = [part for part in _descendants(value) if part.tag in (_URI, _DIRECTORY)]
            yield from _judge_names(called, names)
    if extension.oid in _WITH_ADDRESSES:
        for element in _descendants(only_element(extension.value)):
            if element.tag == _IA5_STRING:
                _refuse_bad_address(called, element.content)


def _judge_names(called: str, names: list[Element]) -> Iterator[Finding]:
    """General names of any kind: what is invisible, too long or no name."""
    for name in names:
        if name.tag == _URI:
            _refuse_bad_address(called, name.content)
        elif name.tag == _DIRECTORY:
            for inner in name.children():
                yield from judge_name(
                    say("{called}, a directory name in it,", called=called), attributes_of(inner)
                )
        elif name.tag in (_EMAIL, _DNS):
            where = say("{called}, an alternative name in it,", called=called)
            refuse_hidden_characters(where, name.content.decode("utf-8", "replace"))
        elif name.tag == _OTHER:
            where = say("{called}, another name in it,", called=called)
            for element in _descendants(name):
                if element.tag in _STRINGS:
                    refuse_hidden_characters(where, _text(element))


def _descendants(element: Element) -> Iterator[Element]:
    """The element and all that is inside, as far as it is built of elements."""
    waiting = [element]
    while waiting:
        current = waiting.pop()
        yield current
        if current.tag & _CONSTRUCTED:
            waiting.extend(current.children())


def _constrained_names(value: Element) -> Iterator[Element]:
    """GeneralSubtree begins with its base (4.2.1.10)."""
    for side in value.children():
        for subtree in side.children():
            yield from list(subtree.children())[:1]


def _text(element: Element) -> str:
    try:
        return text(element)
    except ValueError:
        return ""  # told as a part that can't be read


def _refuse_bad_address(called: str, content: bytes) -> None:
    if len(content) > ADDRESS_CHARACTERS:
        wrong = say(
            "{called} contains an address of {count} characters; {most} are allowed.",
            called=called,
            count=f"{len(content):,}",
            most=f"{ADDRESS_CHARACTERS:,}",
        )
        raise Refused("uri.syntax", wrong, say("Have the certificate issued again."))
    address = content.decode("utf-8", "replace")
    if has_hidden_characters(address):
        wrong = say(
            "{called} contains an address with invisible characters: {address}.",
            called=called,
            address=shown(address),
        )
        raise Refused("uri.syntax", wrong, say("Have the certificate issued again."))


def _refuse_too_many(called: str, names: list[Element]) -> None:
    if len(names) > ALTERNATIVE_NAMES:
        wrong = say(
            "{called} has {count} alternative names; {most} are allowed.",
            called=called,
            count=f"{len(names):,}",
            most=ALTERNATIVE_NAMES,
        )
        raise Refused("san.count", wrong, say("Have it issued again with fewer names."))


def _judge_hosts(called: str, names: list[Element], *, is_ca: bool) -> Iterator[Finding]:
    wildcards, underscores = [], []
    for name in names:
        if name.tag == _IP_ADDRESS and len(name.content) not in _ADDRESS_SIZES:
            wrong = say(
                "{called} has an IP address of {count} octets; 4 or 16 are right.",
                called=called,
                count=len(name.content),
            )
            raise Refused("san.syntax", wrong, _CURE)
        if name.tag != _DNS:
            continue
        host = name.content.decode("utf-8", "replace")
        judged = _judged_host(host)
        if judged.wrong:
            wrong = say(
                "{called} has the alternative name {name}, {wrong}.",
                called=called,
                name=shown(host),
                wrong=judged.wrong,
            )
            if not is_ca:
                raise Refused("san.syntax", wrong, _CURE)
            yield Finding("san.syntax", wrong, outcome=Outcome.WARN)
        wildcards += [host] * judged.has_wildcard
        underscores += [host] * judged.has_underscore
    yield from _odd_hosts(called, wildcards, underscores)


def _odd_hosts(called: str, wildcards: list[str], underscores: list[str]) -> Iterator[Finding]:
    if wildcards:
        sentence = say(
            "{called} has a wild card among its names: {name}.",
            called=called,
            name=shown(wildcards[0]),
        )
        cure = say("The original product takes none; a stolen key serves for every such host.")
        yield Finding("san.syntax", sentence, cure, Outcome.WARN)
    if underscores:
        sentence = say(
            "{called} has a host name with an underscore: {name}.",
            called=called,
            name=shown(underscores[0]),
        )
        cure = say("Some clients refuse to connect to it.")
        yield Finding("san.syntax", sentence, cure, Outcome.WARN)


def _judged_host(host: str) -> _Host:
    if len(host) > HOST_NAME_CHARACTERS:
        return _Host(
            say(
                "which has {count} characters; {most} are allowed",
                count=f"{len(host):,}",
                most=HOST_NAME_CHARACTERS,
            )
        )
    has_wildcard = host.startswith("*.")
    labels = host.removeprefix("*.").split(".")
    if "*" in host.removeprefix("*."):
        return _Host(say("where a wild card is not the whole leftmost label"))
    if has_wildcard and len(labels) == 1:
        return _Host(say("a wild card for everything under a top-level domain"))
    if not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        return _Host(say("which is no host name"))
    return _Host(has_wildcard=has_wildcard, has_underscore="_" in host)
