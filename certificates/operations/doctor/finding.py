"""How a check is asked, and how its findings are gathered; a finding is one of `refusal`."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from certificates.refusal import Finding, Refused
from certificates.secrets import SealError

UNDER_WAY = timedelta(hours=1)  # how long anything may wait for a worker, a server, a mail host
MOST_NAMED = 20  # findings of one kind; the rest is counted


@dataclass(frozen=True, slots=True)
class Asked:
    """When somebody asks, and how strictly.

    Args:
        settled: the product is at rest: what is only under way counts, too.
    """

    now: datetime
    settled: bool = False

    @property
    def overdue(self) -> datetime:
        """What has been waiting since then, or longer, waits too long."""
        return self.now if self.settled else self.now - UNDER_WAY


Check = Callable[[Asked], Iterator[Finding]]


def examine(checks: Iterable[Check], asked: Asked) -> Iterator[Finding]:
    """Everything that the checks find; one that can't go on is a finding and stops no other."""
    for check in checks:
        try:
            yield from _bounded(check(asked))
        except Refused as refused:
            yield Finding(refused.code, refused.sentence, refused.cure)
        except (SealError, OSError) as error:
            what = str(error).rstrip(".")
            yield Finding("doctor.stopped", f"{what}.", "Mend that, then ask again.")


def _bounded(findings: Iterator[Finding]) -> Iterator[Finding]:
    """A broken table would fill the screen with one sentence."""
    counts: Counter[str] = Counter()
    last: dict[str, Finding] = {}
    for finding in findings:
        counts[finding.code] += 1
        last[finding.code] = finding
        if counts[finding.code] <= MOST_NAMED:
            yield finding
    for code, count in counts.items():
        if count > MOST_NAMED:
            more = f"The same is true of {count - MOST_NAMED:,} others."
            yield replace(last[code], sentence=more)
