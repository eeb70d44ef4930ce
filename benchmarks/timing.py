"""Times of repeated work, and ratios of them with how sure they are."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import TypeVar

_T = TypeVar("_T")
RESAMPLES = 2000
SEED = 20261124  # the same times give the same interval


@dataclass(frozen=True, slots=True)
class Times:
    """How long each repetition of one piece of work took, in milliseconds."""

    values: list[float] = field(default_factory=list)

    def measure(self, work: Callable[[], _T]) -> _T:
        """Do it once, and keep how long it took."""
        begun = time.perf_counter()
        result = work()
        self.values.append((time.perf_counter() - begun) * 1000)
        return result

    @property
    def mean(self) -> float:
        return fmean(self.values)

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def least(self) -> float:
        return min(self.values)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of two means; 95 of 100 such measurements would lie between `low` and `high`."""

    value: float
    low: float
    high: float


def ratio_of_means(
    ours: Sequence[float], theirs: Sequence[float], *, paired: bool = False
) -> Ratio:
    """With the percentile interval of the bootstrap, as the cost of an RSA key is random.

    Args:
        paired: `ours[i]` and `theirs[i]` come from the same repetition, and are drawn together.
    """
    chance = random.Random(SEED)
    ratios = []
    for _ in range(RESAMPLES):
        drawn = chance.choices(range(len(ours)), k=len(ours))
        others = drawn if paired else chance.choices(range(len(theirs)), k=len(theirs))
        ratios.append(fmean(ours[i] for i in drawn) / fmean(theirs[i] for i in others))
    ratios.sort()
    low, high = ratios[int(RESAMPLES * 0.025)], ratios[int(RESAMPLES * 0.975)]
    return Ratio(fmean(ours) / fmean(theirs), low, high)
