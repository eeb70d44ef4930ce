"""Why there is no path: the way that comes closest to success, and what is missing at its end."""

from collections.abc import Iterator

from certificates.refusal import Finding
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
    wrong = (
        f"The search for a path of {leaf.label} was given up: too many certificates carry the same "
        f"names (the limits are {MAXIMUM_CANDIDATES:,} steps, {MAXIMUM_SIGNATURES:,} "
        f"signature checks, {MAXIMUM_PATHS} paths)."
    )
    cure = "Delete those that are not needed from the trust store, or leave them out of the chain."
    return Finding("path.effort", wrong, cure)


def _too_deep(route: Route) -> Finding:
    wrong = f"The path of {route.path[0].label} has more than {MAXIMUM_DEPTH} certificates."
    cure = "Upload the certificate of a CA that is nearer to it to the trust store."
    return Finding("path.depth", wrong, cure)


def _loop(last: PathCertificate) -> Finding:
    name = _name(last)
    wrong = f"The path ends in a circle: {last.label} was signed by {name}, which is in it already."
    cure = f"Upload the certificate of {last.label}, or of a CA above it, to the trust store."
    return Finding("path.no-issuer", wrong, cure)


def _untrusted_root(last: PathCertificate) -> Finding:
    wrong = f"The path ends at {last.label}, which is self-signed and not in the trust store."
    cure = (
        f"Upload the certificate of {last.label} (SHA-256 fingerprint {last.fingerprint}…) to the "
        "trust store first, if you trust it."
    )
    return Finding("path.no-issuer", wrong, cure)


def _no_issuer(last: PathCertificate) -> Finding:
    name = _name(last)
    identifier = last.authority_key_identifier[:_LONGEST_IDENTIFIER]
    which = f"{name} (key identifier {octets(identifier)})" if identifier else name
    wrong = f"The issuer of {last.label} is missing: {which}."
    cure = f"Upload the certificate of {name} to the trust store first, or a chain that holds it."
    return Finding("path.no-issuer", wrong, cure)


def _wrong_signature(last: PathCertificate, named: list[PathCertificate]) -> Finding:
    name = _name(last)
    algorithm = last.signature_algorithm
    if not algorithm or not signatures.is_checkable(last.signed.algorithm):
        called = SIGNATURES.get(algorithm, algorithm) or "an unreadable algorithm"
        wrong = f"The signature on {last.label} can't be checked here: {called}."
        return Finding("path.signature", wrong, "Have it signed with RSA, ECDSA or EdDSA.")
    shown = ", ".join(f"{member.fingerprint}…" for member in named[:_MOST_FINGERPRINTS])
    more = len(named) - _MOST_FINGERPRINTS
    there = shown + (f" and {more:,} more" if more > 0 else "")
    identifier = last.authority_key_identifier[:_LONGEST_IDENTIFIER]
    wanted = f" with the key identifier {octets(identifier)}" if identifier else ""
    wrong = (
        f"No certificate of {name} that is there has the key which signed {last.label}. "
        f"There by that name (SHA-256 fingerprints): {there}."
    )
    cure = (
        f"Upload the right certificate of {name}{wanted}; "
        f"if it is there, {last.label} was altered after it was signed."
    )
    return Finding("path.signature", wrong, cure)


def _name(certificate: PathCertificate) -> str:
    return name_label(certificate.issuer_der) or "an issuer without a common name"
