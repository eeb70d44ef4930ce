"""What is wrong along one path, by RFC 5280, section 6.1 and what it asks of each certificate.

Stricter than the real private CAs of operators this is nowhere: key identifiers, key usages and
extended key usages may be missing, and basic constraints need not be critical.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from certificates.refusal import Finding, Outcome
from certificates.sentence import listed, say
from certificates.x509.object_names import EXTENSIONS, named
from certificates.x509.paths import extension_reading
from certificates.x509.paths.certificate import PathCertificate
from certificates.x509.paths.extension_reading import KeyUsageBit
from certificates.x509.paths.form import malformed
from certificates.x509.paths.name_constraints import violations
from certificates.x509.paths.policies import policy_findings
from certificates.x509.paths.usages import usage_findings
from certificates.x509.policy import LEGACY_RSA_BITS
from certificates.x509.visible import cut

Path = Sequence[PathCertificate]
LEAST_RSA_BITS = 1024  # below: never followed
LEAST_EC_BITS = 224
# Critical extensions that are processed. What a CRL distribution point says doesn't matter where no
# CRL is asked; the old Netscape type says less than key usages.
_PROCESSED = {
    extension_reading.KEY_USAGE,
    extension_reading.SUBJECT_ALTERNATIVE_NAME,
    extension_reading.BASIC_CONSTRAINTS,
    extension_reading.NAME_CONSTRAINTS,
    extension_reading.EXTENDED_KEY_USAGE,
    extension_reading.AUTHORITY_KEY_IDENTIFIER,  # refused by `malformed`, which says it better
    extension_reading.SUBJECT_KEY_IDENTIFIER,
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.36",
    "2.5.29.54",
    "2.16.840.1.113730.1.1",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What a path is asked for. `at` is aware; `usage` is one of `usages.USAGES`."""

    at: datetime
    usage: str
    allow_legacy: bool


# In the order in which an operator should mend them; the codes that there are, and no others.
ORDER = (
    "path.unreadable",
    "path.no-issuer",
    "path.signature",
    "path.depth",
    "path.effort",
    "path.not-ca",
    "path.expired",
    "path.not-yet-valid",
    "path.length",
    "path.name-constraint",
    "path.key-usage",
    "path.extended-key-usage",
    "path.critical",
    "path.malformed",
    "path.weak-key",
    "path.policy",
    "path.refused",
    "path.legacy",
)


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Sorted by `ORDER`; of one code, from the leaf upwards."""
    return tuple(sorted(findings, key=lambda finding: ORDER.index(finding.code)))


def findings_of(path: Path, question: Question, *, is_complete: bool) -> tuple[Finding, ...]:
    """Everything that is wrong, in the order to mend it, and last what is legacy.

    Args:
        path: the leaf first; every signature but the last one's was verified.
        is_complete: its last certificate is a trust anchor.
    """
    found: list[Finding] = []
    for place, certificate in enumerate(path):
        is_anchor = is_complete and place == len(path) - 1
        found += alone(certificate, question, is_leaf=place == 0, is_anchor=is_anchor)
    found += _lengths(path)
    found += _names(path)
    found += usage_findings(path, question.usage)
    found += policy_findings(path) if is_complete else ()
    return in_order(found)


def alone(
    certificate: PathCertificate, question: Question, *, is_leaf: bool, is_anchor: bool
) -> Iterator[Finding]:
    """What can be said of a certificate whatever path it stands in."""
    yield from _unreadable(certificate)
    if not is_leaf:
        yield from _as_issuer(certificate, is_anchor=is_anchor)
    yield from _validity(certificate, question.at, is_leaf=is_leaf, is_anchor=is_anchor)
    yield from _critical(certificate)
    yield from malformed(certificate, is_leaf=is_leaf, is_anchor=is_anchor)
    yield from _strength(certificate, question, is_anchor=is_anchor)


def _unreadable(certificate: PathCertificate) -> Iterator[Finding]:
    if certificate.unreadable:
        parts = cut(listed(certificate.unreadable[:3], "; "), 300)
        wrong = say(
            "A part of the certificate of {certificate} can't be decoded ({parts}).",
            certificate=certificate.label,
            parts=parts,
        )
        cure = say("Ask the CA for a certificate that follows RFC 5280.")
        yield Finding("path.unreadable", wrong, cure)


def _as_issuer(certificate: PathCertificate, *, is_anchor: bool) -> Iterator[Finding]:
    label, basic = certificate.label, certificate.basic_constraints
    is_old_root = is_anchor and certificate.version == 1 and certificate.is_self_issued
    if not (basic.is_ca if basic else is_old_root):
        wrong = (
            say(
                "{label} signed the path, but is not a CA: its basic constraints say that it is "
                "none.",
                label=label,
            )
            if basic
            else say(
                "{label} signed the path, but is not a CA: its basic constraints are missing.",
                label=label,
            )
        )
        cure = say("Have the certificate issued by a CA, or upload that CA's right certificate.")
        yield Finding("path.not-ca", wrong, cure)
    usage = certificate.key_usage
    if usage is not None and KeyUsageBit.KEY_CERT_SIGN not in usage:
        wrong = say(
            "The key usage of {label} does not let it sign certificates (keyCertSign).", label=label
        )
        cure = say(
            "Upload a certificate of {label} that may, or have the path issued by another CA.",
            label=label,
        )
        yield Finding("path.key-usage", wrong, cure)


def _validity(
    certificate: PathCertificate, at: datetime, *, is_leaf: bool, is_anchor: bool
) -> Iterator[Finding]:
    if certificate.validity is None:
        return  # told as unreadable
    first, last = certificate.validity
    label = certificate.label
    if at.replace(microsecond=0) > last:
        wrong = say("The certificate of {label} expired on {day}.", label=label, day=_day(last))
        cure = say("Have it issued again.") if is_leaf else _renewal(label, is_anchor=is_anchor)
        yield Finding("path.expired", wrong, cure)
    if at < first:
        wrong = say(
            "The certificate of {label} is not valid before {day}.", label=label, day=_day(first)
        )
        cure = say("Wait until then, or set the clock right if it is wrong.")
        yield Finding("path.not-yet-valid", wrong, cure)


def _renewal(label: str, *, is_anchor: bool) -> str:
    if is_anchor:
        return say("Upload the renewed certificate of {label} to the trust store.", label=label)
    return say(
        "Upload the renewed certificate of {label} to the trust store, or in the chain.",
        label=label,
    )


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _critical(certificate: PathCertificate) -> Iterator[Finding]:
    for extension in certificate.extensions:
        if extension.is_critical and extension.oid not in _PROCESSED:
            name = named(extension.oid, EXTENSIONS)
            wrong = say(
                "{certificate} has a critical extension that is not known here: {name}.",
                certificate=certificate.label,
                name=name,
            )
            cure = say("Ask the CA for a certificate without it.")
            yield Finding("path.critical", wrong, cure)


def _strength(
    certificate: PathCertificate, question: Question, *, is_anchor: bool
) -> Iterator[Finding]:
    label, key = certificate.label, certificate.key
    outcome = Outcome.WARN if question.allow_legacy else Outcome.FAIL
    cure = say("Have it issued again with SHA-256 and RSA of 2048 bits or more.")
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey | ec.EllipticCurvePublicKey):
        kind = {"R": "RSA", "D": "DSA"}.get(type(key).__name__[0], "EC")
        bits, is_curve = key.key_size, isinstance(key, ec.EllipticCurvePublicKey)
        if bits < (LEAST_EC_BITS if is_curve else LEAST_RSA_BITS):
            wrong = say(
                "The key of {label} is too weak: {kind} with {bits} bits can be broken.",
                label=label,
                kind=kind,
                bits=bits,
            )
            yield Finding("path.weak-key", wrong, cure)
        elif not is_curve and (bits < LEGACY_RSA_BITS or kind == "DSA"):
            wrong = say(
                "The key of {label} is legacy: {kind} with {bits} bits.",
                label=label,
                kind=kind,
                bits=bits,
            )
            yield Finding("path.legacy", wrong, cure, outcome, is_legacy=True)
    if certificate.weak_hash and not is_anchor:
        wrong = say(
            "The signature on {label} is legacy: it uses {weak_hash}.",
            label=label,
            weak_hash=certificate.weak_hash,
        )
        yield Finding("path.legacy", wrong, cure, outcome, is_legacy=True)


def _lengths(path: Path) -> Iterator[Finding]:
    """RFC 5280, 4.2.1.9: self-issued certificates and the leaf don't count."""
    below = 0
    for place, issuer in enumerate(path):
        if place == 0:
            continue
        basic = issuer.basic_constraints
        if basic and basic.path_length is not None and below > basic.path_length:
            allowed = basic.path_length
            wrong = say(
                "{issuer} allows {allowed} CAs below it; in this path there are {below}.",
                issuer=issuer.label,
                allowed=allowed,
                below=below,
            )
            cure = say(
                "Have the certificate issued by a CA that {issuer} allows.", issuer=issuer.label
            )
            yield Finding("path.length", wrong, cure)
        below += not issuer.is_self_issued


def _names(path: Path) -> Iterator[Finding]:
    for broken in violations(path):
        issuer, label = broken.issuer.label, broken.certificate.label
        wrong = say(
            "{issuer} may not issue to {name} of {label}: {why}.",
            issuer=issuer,
            name=broken.name,
            label=label,
            why=broken.why,
        )
        cure = say(
            "Have it issued for a name that {issuer} allows, or by another CA.", issuer=issuer
        )
        yield Finding("path.name-constraint", wrong, cure)
