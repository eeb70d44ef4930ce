"""Copy to node: certificates of one trust store into that of another node, on request (CM-14)."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.db.models import Exists, OuterRef

from certificates.access import Actor, Permission
from certificates.models import Certificate, Deployment, Job, Node, Purpose
from certificates.models.insertion import portions
from certificates.operations.compare_trust import FEW, Stores, trust_store
from certificates.operations.consequences import ask_for_restarts, intend
from certificates.operations.examination import refuse_unless_accepted, under_policy
from certificates.operations.examine_trust import already_there, trust_checks
from certificates.operations.upload import add_trusted
from certificates.refusal import Finding, Outcome, Refused
from certificates.sentence import say, say_count
from certificates.x509.reading import ReadCertificate, read_upload

MOST = 2_000  # certificates in one step


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be copied from the stores of `sources`.

    `fingerprints`: SHA-256, hexadecimal; none of them: all that the other node lacks.
    """

    sources: tuple[Node, ...]
    fingerprints: tuple[str, ...] = ()

    @property
    def is_all(self) -> bool:
        return not self.fingerprints


@dataclass(frozen=True, slots=True)
class Copying:
    """What would be copied, and every check of it.

    `rows`: where each comes from. `already`: how many of the wanted are there, and are left.
    `is_part`: more is missing than one step copies.
    """

    target: Node
    purpose: Purpose
    rows: tuple[Certificate, ...]
    checks: tuple[Finding, ...]
    already: int = 0
    is_part: bool = False

    @property
    def failed(self) -> Finding | None:
        return next((check for check in self.checks if check.outcome == Outcome.FAIL), None)

    @property
    def warnings(self) -> list[Finding]:
        return [check for check in self.checks if check.outcome == Outcome.WARN]

    @property
    def remarks(self) -> list[Finding]:
        """What does not simply pass; what fails stands first."""
        return [c for c in self.checks if c.outcome == Outcome.FAIL] + self.warnings

    @property
    def sources(self) -> list[Node]:
        return list(dict.fromkeys(row.node for row in self.rows))

    @property
    def restarts(self) -> list[str]:
        """What must be restarted afterwards, in that order (CM-7)."""
        if not self.rows:
            return []
        return [
            say("{service} on {node}", service=self.purpose.service, node=node)
            for node in Node.objects.in_restart_order()
        ]

    @property
    def shown(self) -> str:
        """Stands for what the operator sees; another one means that something changed since."""
        parts = [
            f"{self.purpose} {self.target.pk}",
            *(f"{row.fingerprint} from {row.node_id}" for row in self.rows),
            *(f"{check.code} {check.outcome}" for check in self.checks),
        ]
        return sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Copied:
    """What was added; nothing where everything was there. `job` writes the node's store."""

    copying: Copying
    certificates: tuple[Certificate, ...]
    job: Job | None


def examine_copy(target: Node, purpose: Purpose | str, wanted: Wanted, *, now: datetime) -> Copying:
    """Judge certificates of other nodes' stores for that of `target`; nothing is changed.

    Raises:
        Refused: purpose.*, copy.source, copy.many, copy.unknown. Everything else is a check.
    """
    purpose = trust_store(str(purpose))
    return _judged(target, purpose, _gathered(target, purpose, wanted), {}, now)


@dataclass(frozen=True, slots=True)
class _Gathered:
    rows: list[Certificate]
    already: int
    is_part: bool


def _gathered(target: Node, purpose: Purpose, wanted: Wanted) -> _Gathered:
    """The rows that `target` lacks, each certificate once."""
    sources = tuple(node for node in wanted.sources if node != target)
    if not sources:
        wrong = say("Nothing is copied from {target} to itself.", target=target)
        raise Refused("copy.source", wrong, say("Choose another node."))
    asked = tuple(dict.fromkeys(wanted.fingerprints))
    if len(asked) > MOST:
        wrong = say(
            "{count} certificates were chosen; one step copies up to {most}.",
            count=f"{len(asked):,}",
            most=f"{MOST:,}",
        )
        raise Refused("copy.many", wrong, say("Choose fewer, or all that is missing."))
    store = Stores(purpose, (target,)).rows
    there = Exists(store.filter(fingerprint=OuterRef("fingerprint")))
    offered = Stores(purpose, sources)
    if wanted.is_all:
        few = Stores(purpose, (*sources, target)).differing(FEW + 1)
        found = offered.named(few) if len(few) <= FEW else offered.certificates
        rows = list(found.filter(~there).select_related("node")[: MOST + 1])
        return _Gathered(rows[:MOST], 0, len(rows) > MOST)
    named: list[Certificate] = []
    held: set[str] = set()
    for some in portions(asked):
        # In this order: what another one copies meanwhile is found in one of the two at least.
        named += offered.named(some).select_related("node")
        held.update(store.filter(fingerprint__in=some).values_list("fingerprint", flat=True))
    rows = [row for row in named if row.fingerprint not in held]
    unknown = len(asked) - len(held) - len(rows)
    if unknown:
        raise _unknown(unknown, purpose, sources)
    return _Gathered(rows, len(held), is_part=False)


def _unknown(count: int, purpose: Purpose, sources: Sequence[Node]) -> Refused:
    wrong = say_count(
        "One of the certificates is not in {purpose} of {where} any more.",
        "{count} certificates are not in {purpose} of {where} any more.",
        count,
        purpose=purpose,
        where=", ".join(map(str, sources)),
    )
    return Refused("copy.unknown", wrong, say("Open the comparison again, and choose there."))


Readings = dict[str, ReadCertificate | Refused]


def _judged(
    target: Node, purpose: Purpose, found: _Gathered, readings: Readings, now: datetime
) -> Copying:
    """Every check that an upload makes; `readings` keeps what was read, by fingerprint."""
    for row in found.rows:
        if row.fingerprint not in readings:
            readings[row.fingerprint] = _read(row)
    checks = under_policy(_checks(target, purpose, found.rows, readings, now))
    return Copying(target, purpose, tuple(found.rows), checks, found.already, found.is_part)


def _read(row: Certificate) -> ReadCertificate | Refused:
    try:
        return read_upload(bytes(row.der)).certificates[0]
    except Refused as refused:
        return refused


def _checks(
    target: Node,
    purpose: Purpose,
    rows: Sequence[Certificate],
    readings: Readings,
    now: datetime,
) -> Iterator[Finding]:
    reads = [readings[row.fingerprint] for row in rows]
    there = already_there(target, purpose, [r for r in reads if isinstance(r, ReadCertificate)])
    for row, read in zip(rows, reads, strict=True):
        if isinstance(read, Refused):
            wrong = say(
                "{file_name} of {node} is not taken any more: {sentence}",
                file_name=row.file_name,
                node=row.node,
                sentence=read.sentence,
            )
            yield Finding(read.code, wrong, say("Leave it out."))
        else:
            yield from trust_checks(read, purpose, there, now)


def copy_trusted(
    target: Node,
    purpose: Purpose | str,
    wanted: Wanted,
    *,
    shown: str,
    confirmed: Collection[str] = (),
    actor: Actor,
    now: datetime,
) -> Copied:
    """Copy certificates into a node's trust store: all of them in one transaction, or nothing.

    Args:
        shown: `Copying.shown` of what the operator was shown.
        confirmed: `WARNINGS`, where the operator has confirmed them.

    Raises:
        PermissionDenied: `actor` may not upload.
        Refused: what `examine_copy` raises, the code of the first check that fails,
            confirm.warnings, state.changed.
    """
    actor.require(Permission.UPLOAD)
    purpose, readings = trust_store(str(purpose)), Readings()
    first = _judged(target, purpose, _gathered(target, purpose, wanted), readings, now)
    _refuse(first, shown, confirmed)  # before anybody waits for the lock
    with transaction.atomic():
        deployment = Deployment.objects.lock(target, purpose.service)
        found = _judged(target, purpose, _gathered(target, purpose, wanted), readings, now)
        _refuse(found, shown, confirmed)
        return _write(found, readings, deployment, actor, now)


def _refuse(found: Copying, shown: str, confirmed: Collection[str]) -> None:
    if found.shown != shown:
        wrong = say(
            "Something about {purpose} of {target} changed since you looked at it.",
            purpose=found.purpose,
            target=found.target,
        )
        raise Refused("state.changed", wrong, say("Look at it again, then decide."))
    refuse_unless_accepted(found.checks, confirmed)


def _write(
    found: Copying, readings: Readings, deployment: Deployment, actor: Actor, now: datetime
) -> Copied:
    target, purpose = found.target, found.purpose
    if not found.rows:
        return Copied(found, (), None)
    from_node: dict[Node, list[ReadCertificate]] = defaultdict(list)
    for row in found.rows:
        read = readings[row.fingerprint]
        assert isinstance(read, ReadCertificate)  # noqa: S101 - every check passed
        from_node[row.node].append(read)
    added: list[Certificate] = []
    for source, reads in from_node.items():
        facts = [read.facts for read in reads]
        added += add_trusted(target, purpose, facts, actor, copied_from=str(source))
    where = ", ".join(map(str, from_node))
    reason = f"{purpose} of {target} changed: certificates of {where} were copied."
    ask_for_restarts(target, purpose, reason[:300], now=now)
    return Copied(found, tuple(added), intend(deployment, actor))
