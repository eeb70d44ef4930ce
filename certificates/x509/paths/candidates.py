"""Candidates for a path: whose name is the issuer's, and whose key made the signature.

Paths are walked depth first (RFC 4158, 5.3 and 3.5). Two limits of effort hold whatever a pool
contains; both leave room for a few thousand certificates of one name and one key.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from certificates.x509 import signatures
from certificates.x509.der import DerError
from certificates.x509.name_comparison import FoldedName
from certificates.x509.paths.certificate import PathCertificate

MAXIMUM_DEPTH = 32  # certificates in one path
MAXIMUM_CANDIDATES = 12_000  # keys looked at for one leaf; to read a certificate counts as five
MAXIMUM_SIGNATURES = 10_000  # checks for one leaf, in those of RSA 2048: about 0.2 seconds
MAXIMUM_PATHS = 60  # that are judged to the end
_READING, _OCTETS = 3, 512  # what reading one candidate costs, and what its length adds

Path = tuple[PathCertificate, ...]
# Of one name, by key: one signature check answers for all certificates that carry the same key.
_ByKey = dict[bytes, list[PathCertificate]]


@dataclass(slots=True)
class Effort:
    """What may still be spent on one leaf."""

    candidates: int = MAXIMUM_CANDIDATES
    signatures: int = MAXIMUM_SIGNATURES
    paths: int = MAXIMUM_PATHS

    @property
    def is_spent(self) -> bool:
        return min(self.candidates, self.signatures, self.paths) <= 0

    def allows(self, candidate: PathCertificate) -> bool:
        """Count a candidate that will be read, by its length; false when nothing is left."""
        self.candidates -= _READING + len(candidate.der) // _OCTETS
        return not self.is_spent


@dataclass(frozen=True, slots=True)
class Route:
    """The leaf first; complete when its last certificate is a trust anchor."""

    path: Path
    is_complete: bool


class Candidates:
    """The certificates of a pool, to be found by the name of their subject.

    What is no certificate is left out. Names are compared octet by octet first, and as RFC 5280,
    7.1 says only when that has led nowhere: CAs copy their name, as a rule.
    """

    def __init__(self, anchors: Iterable[bytes], intermediates: Iterable[bytes]) -> None:
        self._anchors = dict(_readable(anchors))
        others = _readable(der for der in intermediates if der not in self._anchors)
        self._all = [*self._anchors.values(), *dict(others).values()]
        self._by_octets: dict[bytes, _ByKey] = {}
        for member in self._all:
            _add(self._by_octets, member.subject_der, member)

    @cached_property
    def _by_name(self) -> dict[FoldedName, _ByKey]:
        found: dict[FoldedName, _ByKey] = {}
        for member in self._all:
            if member.subject is not None:
                _add(found, member.subject, member)
        return found

    def is_anchor(self, certificate: PathCertificate) -> bool:
        return certificate.der in self._anchors

    def known(self, certificate: bytes) -> PathCertificate | None:
        """The member that has these octets, if it is a trust anchor."""
        return self._anchors.get(certificate)

    def named(self, certificate: PathCertificate, *, folded: bool) -> _ByKey:
        """All that carry the name of the issuer; nobody has an empty one."""
        if not certificate.has_issuer:
            return {}
        if not folded:
            return self._by_octets.get(certificate.issuer_der, {})
        return self._by_name.get(certificate.issuer, {}) if certificate.issuer else {}

    def issuers(self, path: Path, effort: Effort, *, folded: bool) -> Iterator[PathCertificate]:
        """Whose key made the signature of the last certificate, the most promising first."""
        last = path[-1]
        carried = {issuer.key_der for issuer in path[1:] if issuer.subject == last.issuer}
        for key_der, members in self._by_promise(last, effort, folded=folded):
            if key_der in carried:
                continue  # RFC 4158, 2.4.2: a loop
            if effort.is_spent:
                return
            if _verifies(last, members[0], effort):
                for member in sorted(members, key=self._leads_nowhere):
                    if not effort.allows(member):
                        return
                    if member.der != path[0].der:
                        yield member

    def _by_promise(
        self, certificate: PathCertificate, effort: Effort, *, folded: bool
    ) -> list[tuple[bytes, list[PathCertificate]]]:
        """The key identifier is a hint, and its octets are looked for without reading anything."""
        found = list(self.named(certificate, folded=folded).items())
        effort.candidates -= len(found)
        if len(found) > 1:
            hint = certificate.authority_key_identifier
            found.sort(key=lambda item: (hint not in item[1][0].der, not self._has_anchor(item[1])))
        return found

    def _has_anchor(self, members: Sequence[PathCertificate]) -> bool:
        return any(self.is_anchor(member) for member in members)

    def _leads_nowhere(self, member: PathCertificate) -> tuple[bool, bool]:
        is_known = member.issuer_der in self._by_octets and member.issuer_der != member.subject_der
        return not self.is_anchor(member), not is_known

    def routes(
        self,
        leaf: PathCertificate,
        effort: Effort,
        is_usable: Callable[[PathCertificate], bool],
        *,
        folded: bool,
    ) -> Iterator[Route]:
        """Every way up from the leaf over usable issuers; also those that end too early."""
        yield from self._climb((leaf,), effort, is_usable, folded=folded)

    def _climb(
        self,
        path: Path,
        effort: Effort,
        is_usable: Callable[[PathCertificate], bool],
        *,
        folded: bool,
    ) -> Iterator[Route]:
        if self.is_anchor(path[-1]):
            effort.paths -= 1
            yield Route(path, is_complete=True)
            return
        is_end = True
        if len(path) < MAXIMUM_DEPTH:
            for issuer in self.issuers(path, effort, folded=folded):
                if is_usable(issuer):
                    is_end = False
                    yield from self._climb((*path, issuer), effort, is_usable, folded=folded)
        if is_end:
            yield Route(path, is_complete=False)


def _readable(certificates: Iterable[bytes]) -> Iterator[tuple[bytes, PathCertificate]]:
    for certificate in dict.fromkeys(certificates):
        try:
            yield certificate, PathCertificate(certificate)
        except DerError:
            continue


def _add(index: dict, name: bytes | FoldedName, member: PathCertificate) -> None:  # type: ignore[type-arg]
    index.setdefault(name, {}).setdefault(member.key_der, []).append(member)


def _verifies(certificate: PathCertificate, issuer: PathCertificate, effort: Effort) -> bool:
    known = certificate.was_signed_by(issuer)
    if known is None:
        effort.signatures -= signatures.cost(issuer.key) if issuer.key else 1
        known = certificate.verify(issuer)
    return known
