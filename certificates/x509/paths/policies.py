"""Certificate policies along a path (RFC 5280, 6.1; RFC 9618), where any policy is acceptable.

Then all that matters is whether a policy is left where a CA demands one. OpenSSL's own check, as
pyOpenSSL can call it, accepts no policy at all there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from certificates.refusal import Finding
from certificates.sentence import say
from certificates.x509 import der
from certificates.x509.der import Element, only_element
from certificates.x509.paths.certificate import PathCertificate

_ANY_POLICY = "2.5.29.32.0"
_POLICIES, _MAPPINGS = "2.5.29.32", "2.5.29.33"
_CONSTRAINTS, _INHIBIT_ANY = "2.5.29.36", "2.5.29.54"
_REQUIRE_EXPLICIT, _INHIBIT_MAPPING = 0x80, 0x81
# Expected policies by the valid policy that leads to them: one level of the policy graph.
_Level = dict[str, set[str]]


@dataclass(slots=True)
class _Counters:
    """After how many more certificates something holds (RFC 5280, 6.1.2 d to f)."""

    explicit: int
    mapping: int
    any_policy: int

    def count_down(self) -> None:
        self.explicit = max(0, self.explicit - 1)
        self.mapping = max(0, self.mapping - 1)
        self.any_policy = max(0, self.any_policy - 1)

    def limit_by(self, certificate: PathCertificate) -> None:
        constraints = _constraints(certificate)
        self.explicit = min(self.explicit, constraints.get(_REQUIRE_EXPLICIT, self.explicit))
        self.mapping = min(self.mapping, constraints.get(_INHIBIT_MAPPING, self.mapping))
        self.any_policy = min(self.any_policy, _inhibit_any(certificate, self.any_policy))


def policy_findings(path: Sequence[PathCertificate]) -> Iterator[Finding]:
    """Whether a policy is demanded that the path does not have; the anchor's own don't count."""
    certificate = path[0]
    level: _Level = {_ANY_POLICY: {_ANY_POLICY}}
    counters = _Counters(len(path), len(path), len(path))
    try:
        for certificate in reversed(path[:-1]):
            is_leaf = certificate is path[0]
            may_be_any = counters.any_policy > 0 or (not is_leaf and certificate.is_self_issued)
            level = _next_level(level, _policies(certificate), may_be_any=may_be_any)
            if is_leaf:
                counters.explicit = max(0, counters.explicit - 1)
                if _constraints(certificate).get(_REQUIRE_EXPLICIT) == 0:
                    counters.explicit = 0
            if not level and not counters.explicit:
                yield _lacking(certificate)
                return
            if not is_leaf:
                level = _mapped(level, _mappings(certificate), is_allowed=counters.mapping > 0)
                if not certificate.is_self_issued:
                    counters.count_down()
                counters.limit_by(certificate)
    except ValueError as error:
        wrong = say(
            "The policies of {certificate} can't be decoded ({error}).",
            certificate=certificate.label,
            error=error,
        )
        cure = say("Ask the CA for a certificate that follows RFC 5280.")
        yield Finding("path.unreadable", wrong, cure)


def _lacking(certificate: PathCertificate) -> Finding:
    wrong = say(
        "A CA of this path demands a certificate policy, and {certificate} has none.",
        certificate=certificate.label,
    )
    cure = say("Have it issued with a policy that the CAs above it allow.")
    return Finding("path.policy", wrong, cure)


def _next_level(level: _Level, policies: set[str], *, may_be_any: bool) -> _Level:
    """RFC 5280, 6.1.3 d; without policies the graph ends."""
    expected = set().union(*level.values())
    found = {
        policy: {policy}
        for policy in policies - {_ANY_POLICY}
        if policy in expected or _ANY_POLICY in level
    }
    if _ANY_POLICY in policies and may_be_any:
        found |= {policy: {policy} for policy in expected if policy not in found}
    return found


def _mapped(level: _Level, mappings: dict[str, set[str]], *, is_allowed: bool) -> _Level:
    """RFC 5280, 6.1.4 a and b."""
    if not is_allowed:
        return {policy: expected for policy, expected in level.items() if policy not in mappings}
    found = level | {policy: theirs for policy, theirs in mappings.items() if policy in level}
    if _ANY_POLICY in level:
        found |= {policy: theirs for policy, theirs in mappings.items() if policy not in level}
    return found


def _value(certificate: PathCertificate, oid: str) -> list[Element]:
    extension = certificate.extension(oid)
    return list(only_element(extension.value).children()) if extension else []


def _policies(certificate: PathCertificate) -> set[str]:
    return {
        der.dotted(next(policy.children())) for policy in _value(certificate, _POLICIES)
        if policy.content
    }  # fmt: skip


def _mappings(certificate: PathCertificate) -> dict[str, set[str]]:
    """Policies of the subject by the issuer's."""
    found: dict[str, set[str]] = {}
    for mapping in _value(certificate, _MAPPINGS):
        ours, theirs = map(der.dotted, mapping.children())
        if _ANY_POLICY in {ours, theirs}:
            raise ValueError("any policy is mapped")
        found.setdefault(ours, set()).add(theirs)
    return found


def _constraints(certificate: PathCertificate) -> dict[int, int]:
    return {part.tag: _number(part) for part in _value(certificate, _CONSTRAINTS)}


def _inhibit_any(certificate: PathCertificate, otherwise: int) -> int:
    extension = certificate.extension(_INHIBIT_ANY)
    return _number(only_element(extension.value)) if extension else otherwise


def _number(element: Element) -> int:
    return int.from_bytes(element.content[:8], "big")
