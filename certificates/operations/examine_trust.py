"""The checks of certificates for a trust store (CM-14, CM-21, CM-22)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from certificates.cells import at
from certificates.models import Certificate, Node, Purpose
from certificates.models.insertion import portions
from certificates.models.search import sorted_by
from certificates.operations.examination import (
    Examination,
    Item,
    Role,
    passed,
    title_of,
    under_policy,
    warned,
)
from certificates.operations.examine_identity import STRONGER, is_weak_link
from certificates.refusal import Finding
from certificates.sentence import say, say_count
from certificates.x509.reading import ReadCertificate, Upload

_CROWD = 2_000  # rows of the same names that are looked at
MOST_NAMED = 5  # certificates of the same name that the checks name


def examine_trust(node: Node, purpose: Purpose, upload: Upload, now: datetime) -> Examination:
    """Judge one certificate or several for a node's trust store. Nothing needs a path there."""
    reads = upload.certificates
    there = already_there(node, purpose, reads)
    told = say_count(
        "One certificate in {form}.",
        "{count} certificates in {form}.",
        len(reads),
        form=upload.form,
    )
    checks = [passed("parse", told)]
    of_certificates = {id(found) for read in reads for found in read.warnings}
    checks += [found for found in upload.warnings if id(found) not in of_certificates]
    for read in reads:
        checks += trust_checks(read, purpose, there, now)
    items = (
        Item(read, Role.TRUST, () if read.facts.fingerprint in there.known else (node,))
        for read in reads
    )
    return Examination(
        node, purpose, under_policy(checks), form=upload.form, items=tuple(items), nodes=(node,)
    )


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """What a store holds of some certificates: the same ones, and others of their names."""

    known: frozenset[str]
    same_name: dict[str, list[Certificate]]


def already_there(node: Node, purpose: Purpose, reads: Sequence[ReadCertificate]) -> AlreadyThere:
    """Ask a trust store for many certificates at once."""
    store = Certificate.objects.trust().filter(node=node, purpose=purpose.value)
    known: set[str] = set()
    same: dict[str, list[Certificate]] = defaultdict(list)
    for asked in portions([read.facts.fingerprint for read in reads]):
        known.update(store.filter(fingerprint__in=asked).values_list("fingerprint", flat=True))
    columns = ("subject_digest", "fingerprint", "file_name", "not_before")
    for asked in portions([*{read.facts.subject_digest for read in reads} - {""}]):
        # A crowd of one name is cut: the checks name a few of it.
        named = store.filter(subject_digest__in=asked).order_by(sorted_by("pk"))
        for row in named.only(*columns)[:_CROWD]:
            if len(same[row.subject_digest]) < MOST_NAMED:
                same[row.subject_digest].append(row)
    return AlreadyThere(frozenset(known), same)


def trust_checks(
    read: ReadCertificate, purpose: Purpose, there: AlreadyThere, now: datetime
) -> Iterator[Finding]:
    """Every check of one certificate for a trust store."""
    for found in read.warnings:
        if is_weak_link(found, read):
            yield Finding(found.code, found.sentence, STRONGER)
        else:
            yield found
    yield _purpose(read, purpose)
    yield _validity(read, now)
    if read.facts.fingerprint in there.known:
        wrong = say("{what} is in {purpose} already.", what=title_of(read), purpose=purpose)
        yield warned("trust.known", wrong, say("Nothing would change."))
    else:
        yield from _same_name(read, there)


def _purpose(read: ReadCertificate, purpose: Purpose) -> Finding:
    what = title_of(read)
    if not read.is_ca and not read.is_self_signed:
        wrong = say(
            "{what} is the certificate of a server that a CA has signed; {purpose} takes "
            "certificates of CAs, and self-signed ones.",
            what=what,
            purpose=purpose,
        )
        return Finding(
            "purpose.wrong", wrong, say("Choose {service} for it.", service=purpose.service)
        )
    told = say("{what}: of a CA, it fits {purpose}.", what=what, purpose=purpose)
    if not read.is_ca:
        told = say(
            "{what}: a server's own, self-signed, it fits {purpose}.", what=what, purpose=purpose
        )
    return passed("purpose.wrong", told)


def _validity(read: ReadCertificate, now: datetime) -> Finding:
    begin, end, what = read.facts.not_before, read.facts.not_after, title_of(read)
    if end is None or begin is None:
        return warned(
            "validity",
            say("{what}: its validity can't be read.", what=what),
            say("Look at its details."),
        )
    if end < now:
        wrong = say("{what} has expired: it was valid until {at}.", what=what, at=at(end))
        return warned("validity", wrong, say("No path is trusted through it; upload a newer one."))
    if begin > now:
        wrong = say("{what} is not valid yet: it begins on {at}.", what=what, at=at(begin))
        return warned("validity", wrong, say("No path is trusted through it before."))
    return passed(
        "validity", say("{what}: valid now, until {end}.", what=what, end=f"{end:%Y-%m-%d}")
    )


def _same_name(read: ReadCertificate, there: AlreadyThere) -> Iterator[Finding]:
    begin = read.facts.not_before
    for row in there.same_name.get(read.facts.subject_digest, [])[:MOST_NAMED]:
        newer = bool(row.not_before and begin and row.not_before > begin)
        said: dict[str, object] = {
            "what": title_of(read),
            "file_name": row.file_name,
            "its": row.fingerprint[:16],
            "own": read.facts.fingerprint[:16],
        }
        wrong = say(
            "Another certificate of the name {what} is there: {file_name}, SHA-256 {its}…, older "
            "than this one ({own}…).",
            **said,
        )
        if newer:
            wrong = say(
                "Another certificate of the name {what} is there: {file_name}, SHA-256 {its}…, "
                "newer than this one ({own}…).",
                **said,
            )
        yield warned("trust.same-name", wrong, say("Both are kept; neither is overwritten."))
