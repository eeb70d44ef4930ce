"""One run: many damaged inputs, each read, described and judged; what must not happen is told."""

import resource
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

from certificates.refusal import Refused
from certificates.x509.chain import find_path
from certificates.x509.details import describe
from certificates.x509.reading import read_upload
from tests.effort import takes_at_most
from tests.fuzz.mutations import mutate
from tests.fuzz.seeds import NOW, seeds

SLOWEST_SECONDS = 1.0
MOST_GROWTH_MIB = 64
_WARM_UP = 500  # inputs, before the memory is measured
_LONGEST_INPUT = 200_000  # bytes: what grows by splicing is begun anew


@dataclass
class Report:
    """What a run came to; it passed if `failures` is empty. Each failure has its input in hex."""

    inputs: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0
    growth_mib: float = 0.0
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        codes = ", ".join(f"{code} {count:,}" for code, count in self.refused.most_common())
        return (
            f"{self.inputs:,} inputs, {self.accepted:,} accepted, "
            f"{self.refused.total():,} refused ({codes}); "
            f"slowest {self.slowest_seconds * 1000:.0f} ms, "
            f"memory +{self.growth_mib:.0f} MiB, {len(self.failures)} failures"
        )


def run(*, count: int, seed: int) -> Report:
    """Damage and read `count` inputs; the same ones for the same seed.

    Args:
        count: of inputs.
    """
    random, report = Random(seed), Report()
    start = seeds(random)
    at_first = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(count):
            data = random.choice(start)
            if number >= len(start):
                data = mutate(random, data, random.choice(start))[:_LONGEST_INPUT]
            _try(data, start, report)
            if number == min(_WARM_UP, count - 1):
                at_first = _memory_mib()
    report.growth_mib = _memory_mib() - at_first
    if report.growth_mib > MOST_GROWTH_MIB:
        report.failures.append(f"the memory grew by {report.growth_mib:.0f} MiB")
    return report


def _memory_mib() -> float:
    """The most that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _try(data: bytes, start: list[bytes], report: Report) -> None:
    report.inputs += 1
    ders = [data] if b"-----BEGIN" not in data else []
    certificates = _timed("read_upload", data, partial(_read, data, report), report)
    for der in [*(certificates or []), *ders]:
        _timed("describe", der, partial(_described, der), report)
        _timed("find_path", der, partial(_judged, der, start), report)


def _read(data: bytes, report: Report) -> list[bytes]:
    try:
        upload = read_upload(data)
    except Refused as refused:
        report.refused[refused.code] += 1
        return []
    report.accepted += 1
    return [read.der for read in upload.certificates]


def _described(der: bytes) -> list[bytes]:
    try:
        describe(der)
    except ValueError:
        return []
    return [der]


def _judged(der: bytes, start: list[bytes]) -> list[bytes]:
    verdict = find_path(der, anchors=start[:1], intermediates=[start[1], der], at=NOW, usage="any")
    return list(verdict.path)


def _timed(
    name: str, data: bytes, call: Callable[[], list[bytes]], report: Report
) -> list[bytes] | None:
    """Whatever is raised here is a failure of the product, so it is kept, not handled."""
    before = time.process_time()
    try:
        found = call()
    except Exception as error:  # noqa: BLE001 - to be told with the input that caused it
        report.failures.append(f"{name} raised {error!r} for {data.hex()}")
        return None
    seconds = time.process_time() - before
    report.slowest_seconds = max(report.slowest_seconds, seconds)
    if seconds > SLOWEST_SECONDS and not takes_at_most(SLOWEST_SECONDS, call):
        report.failures.append(f"{name} took {seconds:.2f} s for {data.hex()}")
    return found
