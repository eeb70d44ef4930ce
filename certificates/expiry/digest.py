"""One message about everything that is due: what it says, before it is mail or JSON.

The same findings and moment give the same digest, so that one which is sent again is the same.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from certificates.expiry.severity import Severity, distance, severity
from certificates.sentence import in_language, listed, say
from certificates.x509.visible import defused, visible

TOP = 50  # certificates in the text; all are in the attached table
MOST_ROWS = 20_000  # of that table: about 7 MB as mail, which servers take (10 MB)
SUBJECT_LENGTH = 150
FINGERPRINT = 16  # hexadecimal digits of the SHA-256 that are shown
COLUMNS = (
    "severity",
    "expires",
    "distance",
    "node",
    "unit",
    "type",
    "file_name",
    "common_name",
    "fingerprint",
    "link",
)


@dataclass(frozen=True, slots=True)
class Found:
    """One certificate that is due. All text may be hostile.

    Args:
        unit: its purpose, such as tomcat-trust.
        type: own-cert, trust-cert or observed-cert.
        link: address of its page; "" for none.
    """

    node: str
    file_name: str
    unit: str
    type: str
    common_name: str
    not_after: datetime
    fingerprint: str
    link: str = ""

    def severity(self, at: datetime) -> Severity:
        return severity(self.not_after, at)


@dataclass(frozen=True, slots=True)
class Digest:
    """What a message says. `top`: the most urgent, in the order in which to act.

    Args:
        table: every finding as CSV, up to `MOST_ROWS` of them.
        base: address of the product.
    """

    at: datetime
    counts: dict[Severity, int]
    top: list[Found]
    table: str
    base: str

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def groups(self) -> Iterator[tuple[Severity, list[Found]]]:
        """The most urgent first; empty ones are left out."""
        for kind in Severity:
            members = [one for one in self.top if one.severity(self.at) == kind]
            if members:
                yield kind, members

    @property
    def subject(self) -> str:
        """Counts, and the most urgent one."""
        first = self.top[0]
        said: dict[str, object] = {
            "counted": listed(kind.counted(n) for kind, n in self.counts.items() if n),
            "file_name": first.file_name,
            "node": first.node,
            "distance": distance(first.not_after, self.at),
        }
        text = say("[ccxsec] {counted}: {file_name} on {node} expires {distance}", **said)
        if first.not_after < self.at:
            text = say("[ccxsec] {counted}: {file_name} on {node} expired {distance}", **said)
        return text

    @property
    def left_out(self) -> str:
        """A sentence about what stands in the table only, or not even there."""
        if self.total <= TOP:
            return ""
        total = f"{self.total:,}"
        if self.total <= MOST_ROWS:
            return say(
                "These are the {top} most urgent of {total}; the attached table has all.",
                top=TOP,
                total=total,
            )
        return say(
            "These are the {top} most urgent of {total}; the attached table has the first {rows}.",
            top=TOP,
            total=total,
            rows=f"{MOST_ROWS:,}",
        )


def digest_of(findings: Iterable[Found], *, at: datetime, base: str) -> Digest:
    """The digest of findings that come in the order of their expiry, one a certificate.

    Args:
        at: the moment to which severities and distances refer.
    """
    counts: Counter[Severity] = Counter()
    top: list[Found] = []
    lines = _Lines()
    writer = csv.writer(lines)
    writer.writerow(COLUMNS)
    for found in findings:
        counts[found.severity(at)] += 1
        if len(top) < TOP:
            top.append(found)
        if counts.total() <= MOST_ROWS:
            writer.writerow([defused(visible(cell)) for cell in _cells(found, at)])
    ordered = {kind: counts[kind] for kind in Severity}
    return Digest(at, ordered, top, "".join(lines), base)


def moment(at: datetime) -> str:
    """Such as "2026-12-24 12:00 UTC"."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def what_to_do(found: Found) -> str:
    """The next step, in one sentence."""
    if found.type == "own-cert":
        return say("Generate a new one, or have a CA sign one; then restart the service.")
    if found.type == "trust-cert":
        return say("Upload its successor, or delete it when nothing needs it any more.")
    return say("Replace it at the server that shows it.")


def subject_of(digest: Digest) -> str:
    """The subject as it is sent: in the language of the moment."""
    return shortened(visible(in_language(digest.subject)), SUBJECT_LENGTH)


def shortened(text: str, length: int) -> str:
    """Up to `length` characters; an ellipsis tells that there were more."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _cells(found: Found, at: datetime) -> tuple[str, ...]:
    return (
        found.severity(at).value,
        moment(found.not_after),
        distance(found.not_after, at),
        found.node,
        found.unit,
        found.type,
        found.file_name,
        found.common_name,
        found.fingerprint,
        found.link,
    )


class _Lines(list[str]):
    """A file for `csv.writer`."""

    def write(self, line: str) -> int:
        self.append(line)
        return len(line)
