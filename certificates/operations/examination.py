"""What a file would do if it were installed: every check with its reason, before anything changes.

The same examination is shown to the operator (CM-11), printed as JSON, and made again under the
lock before anything is written.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from django.conf import settings

from certificates.models import Certificate, Node, PrivateKey, Purpose, SigningRequest
from certificates.refusal import Finding, Outcome, Refused
from certificates.sentence import say, together
from certificates.x509.reading import ReadCertificate

WARNINGS = "confirm.warnings"  # the refusal that asks whether its warnings are accepted


_LONGEST_TOLD = 1000  # characters of all warnings together
MOST_LISTED = 50  # certificates of a file on the page, if they are not written


class Role(StrEnum):
    """What a certificate of the file is for, and so where it goes."""

    IDENTITY = "identity"
    ISSUER = "issuer"
    TRUST = "trust"
    NONE = "none"  # it stays out


@dataclass(frozen=True, slots=True)
class Item:
    """One certificate of the file. `missing_on`: the nodes to whose store it would be added."""

    read: ReadCertificate
    role: Role
    missing_on: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """What the file holds, each check in the order to mend, and what installing would change.

    `nodes`: where the identity goes, or the trust store that is added to. `replaces`: what is in
    force there now. `key`: the sealed key of the identity. `path`: SHA-256 fingerprints, the
    identity first.
    """

    node: Node
    purpose: Purpose
    checks: tuple[Finding, ...]
    form: str = ""
    items: tuple[Item, ...] = ()
    path: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
    replaces: tuple[Certificate, ...] = ()
    request: SigningRequest | None = None
    key: PrivateKey | None = field(default=None, repr=False)

    @property
    def accepted(self) -> bool:
        return self.reason is None

    @property
    def failed(self) -> Finding | None:
        """The first check that fails: what to mend first."""
        return next((check for check in self.checks if check.outcome == Outcome.FAIL), None)

    @property
    def reason(self) -> str | None:
        """Its code."""
        return self.failed.code if self.failed else None

    @property
    def warnings(self) -> list[Finding]:
        return [check for check in self.checks if check.outcome == Outcome.WARN]

    @property
    def identity(self) -> Item | None:
        return next((item for item in self.items if item.role == Role.IDENTITY), None)

    @property
    def places(self) -> list[Node]:
        """Nodes whose identity would be another one than now."""
        if not self.identity:
            return []
        held = {row.node_id for row in self.replaces if row.fingerprint == self._fingerprint}
        return [node for node in self.nodes if node.pk not in held]

    @property
    def added(self) -> list[Item]:
        """What would come into a trust store."""
        return [item for item in self.items if item.missing_on]

    @property
    def listed(self) -> list[Item]:
        """Everything that would be written; of the rest as many as a page holds."""
        written = [item for item in self.items if item.missing_on or item.role == Role.IDENTITY]
        rest = [item for item in self.items if item not in written]
        return [*written, *rest[: max(0, MOST_LISTED - len(written))]]

    @property
    def unlisted(self) -> int:
        return len(self.items) - len(self.listed)

    @property
    def changes(self) -> bool:
        return bool(self.places or self.added)

    @property
    def restarts(self) -> list[str]:
        """What must be restarted afterwards, in that order (CM-7)."""
        if not self.changes:
            return []
        cluster = Node.objects.in_restart_order()
        return [
            say("{service} on {node}", service=self.purpose.service, node=node) for node in cluster
        ]

    @property
    def shown(self) -> str:
        """Stands for what the operator sees; another one means that something changed since."""
        parts = [
            self.purpose.value,
            *(f"{item.role} {item.read.facts.fingerprint}" for item in self.items),
            *(
                f"adds {item.read.facts.fingerprint} to {node.pk}"
                for item in self.items
                for node in item.missing_on
            ),
            f"path {' '.join(self.path)}",
            *(f"replaces {row.pk}" for row in self.replaces),
            *(f"on {node.pk}" for node in self.nodes),
            f"request {self.request.pk if self.request else 0}",
            *(f"{check.code} {check.outcome}" for check in self.checks),
        ]
        return sha256("\n".join(parts).encode()).hexdigest()

    @property
    def _fingerprint(self) -> str:
        return self.identity.read.facts.fingerprint if self.identity else ""


def refused_examination(node: Node, purpose: Purpose, refused: Refused) -> Examination:
    """The file can't be read: nothing else can be said of it."""
    failed = Finding(refused.code, refused.sentence, refused.cure)
    return Examination(node, purpose, (failed,))


def passed(code: str, sentence: str) -> Finding:
    """A check that found nothing wrong; its id is the code that it would refuse with."""
    return Finding(code, sentence, outcome=Outcome.PASS)


def warned(code: str, sentence: str, cure: str) -> Finding:
    """A check that goes through when the operator confirms it."""
    return Finding(code, sentence, cure, Outcome.WARN)


def refuse_unless_accepted(checks: Sequence[Finding], confirmed: Collection[str]) -> None:
    """Raises `Refused`: the first check that fails, or confirm.warnings."""
    failed = next((check for check in checks if check.outcome == Outcome.FAIL), None)
    if failed:
        raise Refused(failed.code, failed.sentence, failed.cure)
    warnings = [check.sentence for check in checks if check.outcome == Outcome.WARN]
    if warnings and WARNINGS not in confirmed:
        told = together(*warnings)
        shown = told if len(told) <= _LONGEST_TOLD else told[:_LONGEST_TOLD]
        wrong = say("There are warnings: {warnings}", warnings=shown)
        raise Refused(WARNINGS, wrong, say("Confirm them, or leave it as it is."))


def under_policy(checks: Iterable[Finding]) -> tuple[Finding, ...]:
    """Where legacy cryptography is forbidden, its warnings are failures (DESIGN rule 3)."""
    if settings.CCXSEC_ALLOW_LEGACY:
        return tuple(checks)
    return tuple(
        Finding(
            c.code,
            together(c.sentence, say("It is forbidden here (CCXSEC_ALLOW_LEGACY=false).")),
            c.cure,
        )
        if c.is_legacy and c.outcome == Outcome.WARN
        else c
        for c in checks
    )


def failing(check: Finding) -> Finding:
    """The check where a warning refuses, too."""
    if check.outcome != Outcome.WARN:
        return check
    return Finding(check.code, check.sentence, check.cure)


def title_of(read: ReadCertificate) -> str:
    """What a sentence calls a certificate."""
    facts = read.facts
    return (
        facts.common_name
        or facts.subject
        or say("serial number {number}", number=facts.serial_number)
    )
