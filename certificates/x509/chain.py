"""Whether a path leads from a certificate to a trust store, and if not, what to mend first.

Candidates are found here, over every way that names and keys leave open (RFC 4158); each way is
judged by itself, by our own checks (`paths.checks`, which can say what is wrong) and by OpenSSL
(`paths.engine`); both must agree. Nothing is fetched: an address in a certificate is only text.
Host names are not compared and no CRL is asked here.

| code | what is wrong |
|---|---|
| `path.unreadable` | no certificate at all, or a part of one can't be decoded |
| `path.no-issuer` | the next certificate is missing, or the last one is not in the trust store |
| `path.signature` | an issuer of that name is there, but no key of that name made the signature |
| `path.depth` | more than `MAXIMUM_DEPTH` certificates |
| `path.effort` | the limits of the search were reached |
| `path.not-ca` | an issuer is not a CA |
| `path.expired`, `path.not-yet-valid` | a certificate of the path, the trust anchor as well |
| `path.length` | more CAs below one than its path length allows |
| `path.name-constraint` | a name lies outside of what a CA may issue |
| `path.key-usage`, `path.extended-key-usage` | not for this, or not to sign certificates |
| `path.critical` | a critical extension that nobody here understands |
| `path.malformed` | a rule of RFC 5280 about form is broken |
| `path.weak-key` | RSA under 1024 bits, curves under 224 |
| `path.policy` | the policies of the path allow none, and one is required |
| `path.refused` | OpenSSL refuses for a reason of its own |
| `path.legacy` | SHA-1, MD5, RSA under 2048 bits, DSA: a warning, unless legacy is refused |
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from certificates.refusal import Finding, Outcome
from certificates.sentence import say
from certificates.x509.comparison import Difference, compare
from certificates.x509.der import DerError
from certificates.x509.name_comparison import COMMON_NAME
from certificates.x509.paths import diagnosis, engine
from certificates.x509.paths.candidates import Candidates, Effort, Path, Route
from certificates.x509.paths.certificate import PathCertificate
from certificates.x509.paths.checks import Question, alone, findings_of, in_order
from certificates.x509.paths.extension_reading import DNS
from certificates.x509.paths.name_constraints import is_host_name, subject_attributes
from certificates.x509.paths.usages import USAGES

__all__ = [
    "Difference",
    "PathVerdict",
    "Pool",
    "compare",
    "find_path",
    "identifier_of_issuer",
    "is_authority",
]


@dataclass(frozen=True, slots=True)
class PathVerdict:
    """`path` is DER, the leaf first, the trust anchor last.

    When it is not trusted: the path that comes closest, perhaps without its upper end; empty if
    the certificate itself can't be read. `findings` are then what is wrong, in the order to mend
    it; when it is trusted, only warnings about legacy cryptography (`is_legacy`).
    """

    trusted: bool
    path: tuple[bytes, ...]
    findings: tuple[Finding, ...]


def find_path(
    certificate: bytes,
    *,
    anchors: Sequence[bytes],
    intermediates: Sequence[bytes],
    at: datetime,
    usage: str,
    allow_legacy: bool = True,
) -> PathVerdict:
    """Judge one certificate against a trust store (CM-20, CM-21, CM-23); see `Pool.find_path`."""
    pool = Pool(anchors=anchors, intermediates=intermediates)
    return pool.find_path(certificate, at=at, usage=usage, allow_legacy=allow_legacy)


def is_authority(certificate: bytes) -> bool:
    """Whether it is a CA's: by its basic constraints, or as an old root of version 1."""
    try:
        read = PathCertificate(certificate)
    except DerError:
        return False
    basic = read.basic_constraints
    return basic.is_ca if basic else read.version == 1 and read.is_self_issued


def identifier_of_issuer(certificate: bytes) -> str:
    """The key identifier by which it names its issuer, hexadecimal; "" where it names none."""
    try:
        return (PathCertificate(certificate).authority_key_identifier or b"").hex()
    except DerError:
        return ""


class Pool:
    """A trust store and what else is at hand, kept for many questions.

    Args:
        anchors: certificates in DER; any of them may end a path, also a subordinate CA's or a
            self-signed one of a server (CM-21).
        intermediates: further ones, of an upload. In both, what is no certificate does no harm.
    """

    def __init__(self, *, anchors: Sequence[bytes], intermediates: Sequence[bytes]) -> None:
        self._candidates = Candidates(anchors, intermediates)

    def find_path(
        self, certificate: bytes, *, at: datetime, usage: str, allow_legacy: bool = True
    ) -> PathVerdict:
        """The verdict on one certificate in DER.

        Args:
            at: aware; fractions of a second don't count.
            usage: "server", "client", "ipsec" or "any".
            allow_legacy: follow SHA-1, MD5 and short RSA keys where nothing better leads up.

        Raises:
            ValueError: `at` is naive, or there is no such usage. Certificates raise nothing.
        """
        if at.utcoffset() is None:
            raise ValueError("at: a moment needs its time zone")
        if usage not in USAGES:
            raise ValueError(f"usage: {usage!r} is none of {', '.join(USAGES)}")
        question = Question(at, usage, allow_legacy)
        try:
            leaf = self._candidates.known(certificate) or PathCertificate(certificate)
        except DerError as error:
            wrong = say(
                "These {count} bytes are not an X.509 certificate ({error}).",
                count=len(certificate),
                error=error,
            )
            cure = say("Export the certificate again, as DER encoded X.509.")
            return PathVerdict(False, (), (Finding("path.unreadable", wrong, cure),))
        return _Search(self._candidates, question).verdict(leaf)


class _Search:
    """One question about one leaf."""

    def __init__(self, candidates: Candidates, question: Question) -> None:
        self._candidates = candidates
        self._question = question
        self._effort = Effort()
        self._gave_up = False
        self._as_issuer: dict[bytes, tuple[Finding, ...]] = {}

    def verdict(self, leaf: PathCertificate) -> PathVerdict:
        is_anchor = self._candidates.is_anchor(leaf)
        if not _fails(alone(leaf, self._question, is_leaf=True, is_anchor=is_anchor)):
            for folded, follow_legacy in ((False, False), (True, False), (True, True)):
                found = self._trusted(leaf, folded=folded, follow_legacy=follow_legacy)
                if found:
                    return found
        return self._diagnosis(leaf)

    def _trusted(
        self, leaf: PathCertificate, *, folded: bool, follow_legacy: bool
    ) -> PathVerdict | None:
        self._effort = Effort(signatures=self._effort.signatures)

        def is_usable(issuer: PathCertificate) -> bool:
            found = self._alone(issuer)
            return not _fails(found) and (follow_legacy or not found)

        for route in self._candidates.routes(leaf, self._effort, is_usable, folded=folded):
            if route.is_complete:
                findings = self._judge(route)
                if not _fails(findings):
                    return PathVerdict(True, _octets(route.path), findings)
        self._gave_up = self._gave_up or self._effort.is_spent
        return None

    def _alone(self, issuer: PathCertificate) -> tuple[Finding, ...]:
        """Kept: in a crowd the same certificates are met on every way, and there are three."""
        found = self._as_issuer.get(issuer.der)
        if found is None:
            is_anchor = self._candidates.is_anchor(issuer)
            found = tuple(alone(issuer, self._question, is_leaf=False, is_anchor=is_anchor))
            self._as_issuer[issuer.der] = found
        return found

    def _judge(self, route: Route) -> tuple[Finding, ...]:
        """Everything about a complete path; OpenSSL is asked when nothing else is wrong."""
        findings = findings_of(route.path, self._question, is_complete=True)
        if _fails(findings):
            return findings
        objection = _objection(route.path, self._question.at)
        return in_order((*findings, *((objection,) if objection else ())))

    def _diagnosis(self, leaf: PathCertificate) -> PathVerdict:
        """Judge what ways there are, usable or not, and tell the one that is closest."""
        effort = Effort(signatures=self._effort.signatures)
        routes = self._candidates.routes(leaf, effort, lambda _: True, folded=True)
        told = [(route, self._wrong(route)) for route in islice(routes, _MOST_DIAGNOSED)]
        route, findings = min(told, key=lambda each: _distance(*each))
        if self._gave_up or not findings:
            findings = (*findings, diagnosis.too_much(leaf))
        return PathVerdict(False, _octets(route.path), in_order(findings))

    def _wrong(self, route: Route) -> tuple[Finding, ...]:
        if route.is_complete:
            found: Iterable[Finding] = self._judge(route)
        else:
            found = findings_of(route.path, self._question, is_complete=False)
            found = (*diagnosis.missing(route, self._candidates), *found)
        return tuple(finding for finding in found if finding.outcome is Outcome.FAIL)


_MOST_DIAGNOSED = 100  # routes


def _distance(route: Route, wrong: tuple[Finding, ...]) -> tuple[bool, int, int]:
    """From success: no trust anchor is farther than anything else; then what is wrong counts."""
    return not route.is_complete, len(wrong), -len(route.path)


def _fails(findings: Iterable[Finding]) -> bool:
    return any(finding.outcome is Outcome.FAIL for finding in findings)


def _octets(path: Path) -> tuple[bytes, ...]:
    return tuple(certificate.der for certificate in path)


def _objection(path: Path, at: datetime) -> Finding | None:
    """What OpenSSL has against a path with which nothing is wrong by our own checks."""
    try:
        objection = engine.objection(path, at)
    except engine.Unreadable as unreadable:
        wrong = say(
            "OpenSSL can't read the certificate of {certificate}.",
            certificate=unreadable.certificate.label,
        )
        cure = say("Ask the CA for a certificate that follows RFC 5280.")
        return Finding("path.unreadable", wrong, cure)
    if objection is None or _is_about_a_mere_word(objection, path[0]):
        return None
    label, words = objection.certificate.label, objection.words
    if objection.code in engine.PERMITTED_OR_EXCLUDED:
        wrong = say(
            "A CA of this path may not issue to a name of {label}: {words}.",
            label=label,
            words=words,
        )
        cure = say("Have it issued for another name, or by another CA.")
        return Finding("path.name-constraint", wrong, cure)
    wrong = say("OpenSSL refuses the certificate of {label}: {words}.", label=label, words=words)
    return Finding("path.refused", wrong, say("Ask the CA for a certificate that OpenSSL accepts."))


def _is_about_a_mere_word(objection: engine.Objection, leaf: PathCertificate) -> bool:
    """Whether OpenSSL compared a common name that is no host name with a constraint for hosts."""
    if objection.code not in engine.PERMITTED_OR_EXCLUDED or objection.certificate is not leaf:
        return False
    if any(name.tag == DNS for name in leaf.alternative_names):
        return False
    names = subject_attributes(leaf, COMMON_NAME)
    return any(not is_host_name(name) for name in names)
