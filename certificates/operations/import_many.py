"""Many files into a trust store: one verdict each, and it goes on (CM-11, CM-14)."""

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import Deployment, Node, Purpose
from certificates.models.insertion import room_for_indexes
from certificates.operations.consequences import ask_for_restarts, intend
from certificates.operations.examination import failing, under_policy
from certificates.operations.examine_trust import already_there, trust_checks
from certificates.operations.read_many import read_many
from certificates.operations.upload import add_trusted
from certificates.refusal import Finding, Outcome, Refused
from certificates.x509.facts import Facts
from certificates.x509.reading import NamedUpload, ReadCertificate, Upload

WRITTEN = 2_000  # files whose certificates are added in one transaction, about


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What became of one file. `added`: how many of its certificates are new in the store."""

    name: str
    reads: tuple[ReadCertificate, ...]
    checks: tuple[Finding, ...]
    added: int = 0

    @property
    def failed(self) -> Finding | None:
        return next((check for check in self.checks if check.outcome == Outcome.FAIL), None)


def import_trusted(
    node: Node,
    purpose: Purpose,
    files: Iterable[tuple[str, bytes]],
    *,
    is_dry_run: bool = False,
    is_strict: bool = False,
    go_on: Callable[[], bool] = lambda: True,
    actor: Actor,
    now: datetime,
) -> Iterator[FileVerdict]:
    """Judge and add the certificates of each file; a refused file stops no other.

    Some thousand files are added in one transaction with their events: whoever is cut off leaves
    whole ones, and a repetition adds the rest.

    Args:
        files: name and content of each; read as they are needed.
        is_strict: a warning refuses a file, too.
        go_on: asked before each transaction; what follows a no is left alone.

    Raises:
        PermissionDenied: `actor` may not upload.
        Refused: purpose.wrong. It is no trust store.
    """
    actor.require(Permission.UPLOAD)
    if purpose.is_own:
        wrong = f"Many files go into a trust store, and {purpose} is the identity of one service."
        raise Refused("purpose.wrong", wrong, f"Choose {purpose.service}-trust, or one file.")
    with _few_collections(), room_for_indexes():
        for batch in _grouped(read_many(files)):
            if not go_on():
                return
            read = [_marked(name, upload) for name, upload in batch]
            if is_dry_run:
                yield from _judged(node, purpose, read, now, is_strict=is_strict)[0]
            else:
                yield from _add(node, purpose, read, actor, now, is_strict=is_strict)


def _grouped(batches: Iterable[list[NamedUpload]]) -> Iterator[list[NamedUpload]]:
    """What is written together; each transaction has its price, whatever is in it."""
    group: list[NamedUpload] = []
    for batch in batches:
        group += batch
        if len(group) >= WRITTEN:
            yield group
            group = []
    if group:
        yield group


@contextmanager
def _few_collections() -> Iterator[None]:
    """Looking for garbage among so many rows would cost a sixth of the time, and finds none."""
    usual = gc.get_threshold()
    gc.set_threshold(200_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _marked(name: str, upload: Upload | Refused) -> FileVerdict:
    if isinstance(upload, Refused):
        failed = Finding(upload.code, upload.sentence, upload.cure)
        return FileVerdict(name, (), (failed,))
    of_certificates = {id(found) for read in upload.certificates for found in read.warnings}
    marks = tuple(found for found in upload.warnings if id(found) not in of_certificates)
    return FileVerdict(name, upload.certificates, marks)


def _judged(
    node: Node, purpose: Purpose, batch: Sequence[FileVerdict], now: datetime, *, is_strict: bool
) -> tuple[list[FileVerdict], list[Facts]]:
    """What becomes of each file, and what is to be added, each certificate once."""
    there = already_there(node, purpose, [read for one in batch for read in one.reads])
    added: dict[str, Facts] = {}
    verdicts = []
    for one in batch:
        checks = [c for read in one.reads for c in trust_checks(read, purpose, there, now)]
        judged = under_policy([*one.checks, *checks])
        if is_strict:
            judged = tuple(failing(check) for check in judged)
        facts = {read.facts.fingerprint: read.facts for read in one.reads}
        fresh = facts.keys() - there.known - added.keys()
        verdict = FileVerdict(one.name, one.reads, judged, len(fresh))
        if verdict.failed:
            verdict = FileVerdict(one.name, one.reads, judged)
        else:
            added |= {key: value for key, value in facts.items() if key in fresh}
        verdicts.append(verdict)
    return verdicts, [*added.values()]


@transaction.atomic
def _add(
    node: Node,
    purpose: Purpose,
    batch: Sequence[FileVerdict],
    actor: Actor,
    now: datetime,
    *,
    is_strict: bool,
) -> list[FileVerdict]:
    deployment = Deployment.objects.lock(node, purpose.service)
    verdicts, added = _judged(node, purpose, batch, now, is_strict=is_strict)
    if added:
        add_trusted(node, purpose, added, actor)
        reason = f"{purpose} of {node} changed: certificates were imported."
        ask_for_restarts(node, purpose, reason, now=now)
        intend(deployment, actor)
    return verdicts
