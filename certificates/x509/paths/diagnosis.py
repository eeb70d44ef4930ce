"""Why there is no path: the way that comes closest to success, and what is missing at its end."""

from collections.abc import Iterator

from certificates.refusal import Finding
from certificates.sentence import say
from certificates.x509 import signatures
from certificates.x509.decoding import octets
from certificates.x509.object_names import SIGNATURES
from certificates.x509.paths.candidates import (
    MAXIMUM_CANDIDATES,
    MAXIMUM_DEPTH,
    MAXIMUM_PATHS,
    MAXIMUM_SIGNATURES,
    Candidates,
    Route,
)
from certificates.x509.paths.certificate import PathCertificate
from certificates.x509.paths.label import name_label

_MOST_FINGERPRINTS = 5
_LONGEST_IDENTIFIER = 32  # octets


def missing(route: Route, candidates: Candidates) -> Iterator[Finding]:
    """What would have to be there for an incomplete route to go on.

    Nothing, when the search was given up before every candidate was asked.
    """
    last = route.path[-1]
    named = [
        member
        for members in candidates.named(last, folded=True).values()
        for member in members
        if member.der != last.der
    ]
    carried = {issuer.key_der for issuer in route.path[1:]}
    if len(route.path) >= MAXIMUM_DEPTH:
        yield _too_deep(route)
    elif last.is_self_issued and last.verify(last):
        yield _untrusted_root(last)
    elif any(member.key_der in carried and last.verify(member) for member in named):
        yield _loop(last)
    elif not named:
        yield _no_issuer(last)
    elif all(last.was_signed_by(member) is False for member in named):
        yield _wrong_signature(last, named)


def too_much(leaf: PathCertificate) -> Finding:
    """That the search ended before every way was tried."""
    wrong = say(
        "The search for a path of {leaf} was given up: too many "
        "certificates carry the same names (the limits are "
        "{steps} steps, {signatures} signature "
        "checks, {paths} paths).",
        leaf=leaf.label,
        steps=f"{MAXIMUM_CANDIDATES:,}",
        signatures=f"{MAXIMUM_SIGNATURES:,}",
        paths=MAXIMUM_PATHS,
    )
    cure = say(
        "Delete those that are not needed from the trust store, or leave them out of the chain."
    )
    return Finding("path.effort", wrong, cure)


def _too_deep(route: Route) -> Finding:
    wrong = say(
        "The path of {leaf} has more than {most} certificates.",
        leaf=route.path[0].label,
        most=MAXIMUM_DEPTH,
    )
    cure = say("Upload the certificate of a CA that is nearer to it to the trust store.")
    return Finding("path.depth", wrong, cure)


def _loop(last: PathCertificate) -> Finding:
    name = _name(last)
    wrong = say(
        "The path ends in a circle: {last} was signed by {name}, which is in it already.",
        last=last.label,
        name=name,
    )
    cure = say(
        "Upload the certificate of {last}, or of a CA above it, to the trust store.",
        last=last.label,
    )
    return Finding("path.no-issuer", wrong, cure)


def _untrusted_root(last: PathCertificate) -> Finding:
    wrong = say(
        "The path ends at {last}, which is self-signed and not in the trust store.", last=last.label
    )
    cure = say(
        "Upload the certificate of {last} (SHA-256 fingerprint "
        "{fingerprint}…) to the trust store first, if you trust it.",
        last=last.label,
        fingerprint=last.fingerprint,
    )
    return Finding("path.no-issuer", wrong, cure)


def _no_issuer(last: PathCertificate) -> Finding:
    name = _name(last)
    identifier = last.authority_key_identifier[:_LONGEST_IDENTIFIER]
    which = name
    if identifier:
        which = say("{name} (key identifier {octets})", name=name, octets=octets(identifier))
    wrong = say("The issuer of {last} is missing: {which}.", last=last.label, which=which)
    cure = say(
        "Upload the certificate of {name} to the trust store first, or a chain that holds it.",
        name=name,
    )
    return Finding("path.no-issuer", wrong, cure)


def _wrong_signature(last: PathCertificate, named: list[PathCertificate]) -> Finding:
    name = _name(last)
    algorithm = last.signature_algorithm
    if not algorithm or not signatures.is_checkable(last.signed.algorithm):
        called = SIGNATURES.get(algorithm, algorithm) or say("an unreadable algorithm")
        wrong = say(
            "The signature on {last} can't be checked here: {algorithm}.",
            last=last.label,
            algorithm=called,
        )
        return Finding("path.signature", wrong, say("Have it signed with RSA, ECDSA or EdDSA."))
    shown = ", ".join(f"{member.fingerprint}…" for member in named[:_MOST_FINGERPRINTS])
    more = len(named) - _MOST_FINGERPRINTS
    if more > 0:
        shown = say("{fingerprints} and {count} more", fingerprints=shown, count=f"{more:,}")
    wrong = say(
        "No certificate of {name} that is there has the key which signed "
        "{last}. There by that name (SHA-256 fingerprints): {there}.",
        name=name,
        last=last.label,
        there=shown,
    )
    identifier = last.authority_key_identifier[:_LONGEST_IDENTIFIER]
    if identifier:
        name = say("{name} with the key identifier {octets}", name=name, octets=octets(identifier))
    cure = say(
        "Upload the right certificate of {name}; if it is there, {last} was altered after it was "
        "signed.",
        name=name,
        last=last.label,
    )
    return Finding("path.signature", wrong, cure)


def _name(certificate: PathCertificate) -> str:
    return name_label(certificate.issuer_der) or say("an issuer without a common name")
