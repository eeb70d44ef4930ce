"""Name constraints along a path (RFC 5280, 4.2.1.10 and 6.1.3 b and c; RFC 9549 for addresses).

OpenSSL judges them too. What it can't say is which name of which certificate lies outside of
which subtree, and it takes any common name with a dot in it for a host name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from certificates.refusal import Refused
from certificates.sentence import listed, say
from certificates.x509.name_comparison import (
    COMMON_NAME,
    EMAIL_ADDRESS,
    attribute_values,
)
from certificates.x509.names import MAXIMUM_HOST_NAME, host_name
from certificates.x509.paths.certificate import PathCertificate
from certificates.x509.paths.extension_reading import (
    DIRECTORY,
    DNS,
    EMAIL,
    IP_ADDRESS,
    GeneralName,
    NameConstraints,
)
from certificates.x509.paths.label import name_label
from certificates.x509.paths.name_subtrees import KINDS, Subtrees, subtrees, wildcard_parent
from certificates.x509.visible import visible

_LONGEST_SHOWN = 100
_MOST_SHOWN = 3  # subtrees
_IPV4_OCTETS = 4


@dataclass(frozen=True, slots=True)
class Violation:
    """A name of `certificate` that `issuer` may not give; both in words."""

    certificate: PathCertificate
    issuer: PathCertificate
    name: str
    why: str


def violations(path: Sequence[PathCertificate]) -> Iterator[Violation]:
    """The first violation of each certificate, from the anchor's side down to the leaf.

    Args:
        path: the leaf first, the anchor last. The anchor's own constraints bind the path as well.
    """
    constrained = [
        (place, found)
        for place, issuer in enumerate(path)
        if place and (found := issuer.name_constraints)
    ]
    if not constrained:
        return
    for place in range(constrained[-1][0] - 1, -1, -1):
        certificate = path[place]
        if place and certificate.is_self_issued:
            continue  # RFC 5280, 6.1.3: only the last one is checked though it is self-issued
        names = list(names_of(certificate, is_leaf=place == 0))
        for issuer_place, constraints in constrained:
            if issuer_place <= place:
                continue
            wrong = _first_violation(names, constraints)
            if wrong:
                yield Violation(certificate, path[issuer_place], *wrong)
                break


def names_of(certificate: PathCertificate, *, is_leaf: bool) -> Iterator[GeneralName]:
    """Every name that the certificate gives its subject.

    A leaf without DNS name is taken for what its common name says, if that is a host name, since
    clients do so (RFC 6125, 6.4.4). An e-mail address in the subject counts like one beside it.
    """
    yield from certificate.alternative_names
    if certificate.has_subject:
        yield GeneralName(DIRECTORY, certificate.subject_der)
    for address in subject_attributes(certificate, EMAIL_ADDRESS):
        yield GeneralName(EMAIL, address.encode())
    if is_leaf and not any(name.tag == DNS for name in certificate.alternative_names):
        for value in subject_attributes(certificate, COMMON_NAME):
            if is_host_name(value):
                yield GeneralName(DNS, value.encode())


def subject_attributes(certificate: PathCertificate, kind: str) -> list[str]:
    """The values of one attribute type in the subject; none where it can't be read."""
    try:
        return attribute_values(certificate.subject_der, kind)
    except ValueError:
        return []


def is_host_name(text: str) -> bool:
    """Of two labels or more: one word alone is as often the name of a person or of a device."""
    if not text.isascii() or len(text) > MAXIMUM_HOST_NAME or text.endswith("."):
        return False
    try:
        return "." in host_name(text, wildcard=True).removeprefix("*.")
    except Refused:
        return False


def _first_violation(
    names: Sequence[GeneralName], constraints: NameConstraints
) -> tuple[str, str] | None:
    permitted, excluded = subtrees(constraints.permitted), subtrees(constraints.excluded)
    for name in names:
        if name.tag not in permitted and name.tag not in excluded:
            continue
        kind = KINDS.get(name.tag)
        if kind is None:
            return say("a name of a rare kind"), say("constraints of that kind can't be checked")
        why = _why_not(name, permitted.get(name.tag), excluded.get(name.tag))
        if why:
            return say("the {kind} {name}", kind=kind.words, name=shown(name)), why
    return None


def _why_not(name: GeneralName, permitted: Subtrees | None, excluded: Subtrees | None) -> str:
    kind = KINDS[name.tag]
    if not kind.is_name(name.value):
        return say("it is malformed, so that it lies within no subtree")
    keys = set(kind.keys(name.value))
    if excluded and (
        excluded.has_malformed or not keys.isdisjoint(excluded.keys) or _overlaps(name, excluded)
    ):
        return say("excluded is {names}", names=_bases(name.tag, excluded))
    if permitted and keys.isdisjoint(permitted.keys):
        return say("permitted is {names}", names=_bases(name.tag, permitted))
    return ""


def _overlaps(name: GeneralName, excluded: Subtrees) -> bool:
    """A wild card stands for any one label: *.example.com is host.example.com, too."""
    parent = wildcard_parent(name.value) if name.tag == DNS else b""
    return bool(parent) and any(
        base.lower().removeprefix(b".").partition(b".")[2] == parent for base in excluded.bases
    )


def _bases(tag: int, found: Subtrees) -> str:
    bases = [shown(GeneralName(tag, base), is_base=True) for base in found.bases[:_MOST_SHOWN]]
    told = listed(bases, say(" or "))
    return listed((told, "…"), " ") if len(found.bases) > _MOST_SHOWN else told


def shown(name: GeneralName, *, is_base: bool = False) -> str:
    """A general name for a person: short, and visible."""
    if name.tag == DIRECTORY:
        return name_label(name.value) or say("(a directory name)")
    if name.tag == IP_ADDRESS:
        half = len(name.value) // 2 if is_base else len(name.value)
        parts = [_address(name.value[:half]), _address(name.value[half:])]
        return "/".join(part for part in parts if part)
    text = visible(name.value[: 2 * _LONGEST_SHOWN].decode("utf-8", "backslashreplace"))
    return text[:_LONGEST_SHOWN] or say('"" (all)')


def _address(octets: bytes) -> str:
    separator = "." if len(octets) == _IPV4_OCTETS else ":"
    return separator.join(map(str, octets)) if separator == "." else octets[:16].hex(":", 2)
