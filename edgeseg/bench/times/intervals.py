"""What can be said of samples that were taken in rounds: percentiles, and how sure a median is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import MeasureError
from edgeseg.core.students import students

__all__ = ["median_interval", "percentile", "ratio_interval", "samples_for"]

_DRAWS = 1000

_NORMAL = 1.96
"""Standard deviations on either side that hold 95 %."""

_LEAST_ROUNDS = 3
"""Two say nothing of how far others may lie."""


def samples_for(percent: int) -> int:
    """The fewest samples of which the second largest lies above the true percentile with 99 % confidence.

    From then on an estimate inside of the samples can be stated: 64 for the 90th, 130 for the 95th, 662 for the 99th.
    """
    share = percent / 100
    count = 2
    while share**count + count * (1 - share) * share ** (count - 1) >= 0.01:
        count += 1
    return count


def percentile(samples: Sequence[float], percent: int) -> float | None:
    """Interpolated linearly between the two nearest samples; None where there are fewer than `samples_for` it."""
    if len(samples) < samples_for(percent):
        return None
    return quantiles(samples, n=100, method="inclusive")[percent - 1]


def median_interval(samples: Sequence[float], rounds: Sequence[int], seed: int = 0) -> tuple[float, float] | None:
    """Where the median of samples lies with 95 %, by bootstrap over whole rounds, since those of a round are alike.

    Drawing few rounds anew gives too narrow an interval: it is widened to what Student's t has for so many.

    Args:
        samples: Of all rounds together.
        rounds: The round that each sample was taken in.
        seed: Of the draws.

    Returns None for fewer than three rounds. Raises MeasureError where a sample has no round.
    """
    sample = _Sample.of(samples, rounds)
    if len(sample.rounds) < _LEAST_ROUNDS:
        return None
    medians = sample.medians(_drawn(len(sample.rounds), np.random.default_rng(seed)))
    return _ends(medians, median(samples), len(sample.rounds))


def ratio_interval(
    above: tuple[Sequence[float], Sequence[int]],
    below: tuple[Sequence[float], Sequence[int]],
    *,
    together: bool,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Where the ratio of two medians lies with 95 %, by bootstrap over whole rounds, widened as `median_interval` is.

    Args:
        above: Samples and the round of each.
        below: The same of what it is divided by.
        together: Whether a round of one number is the same round of both: it is drawn for both, so that what slowed
            the two of them does not blur their ratio.
        seed: Of the draws.

    Returns None where one has fewer than three rounds. Raises MeasureError where a sample has no round.
    """
    one, other = _Sample.of(*above), _Sample.of(*below)
    rounds = min(len(one.rounds), len(other.rounds))
    if rounds < _LEAST_ROUNDS:
        return None
    random = np.random.default_rng(seed)
    common = np.intersect1d(one.rounds, other.rounds) if together else np.empty(0, int)
    shared, medians = _drawn(len(common), random), []
    for sample in (one, other):
        is_shared = np.isin(sample.rounds, common)
        drawn = np.empty((_DRAWS, len(sample.rounds)))
        drawn[:, is_shared] = shared
        drawn[:, ~is_shared] = _drawn(int((~is_shared).sum()), random)
        medians.append(sample.medians(drawn))
    return _ends(medians[0] / medians[1], median(above[0]) / median(below[0]), rounds)


@dataclass(frozen=True)
class _Sample:
    """Samples in rising order, the place of each one's round among the rounds, and the numbers of these."""

    values: NDArray[np.float64]
    of_round: NDArray[np.intp]
    rounds: NDArray[Any]

    @classmethod
    def of(cls, samples: Sequence[float], rounds: Sequence[int]) -> Self:
        if len(samples) != len(rounds):
            raise MeasureError(f"{len(samples)} samples, but {len(rounds)} rounds that they are of; measure again")
        order = np.argsort(samples, kind="stable")
        numbers, of_round = np.unique(np.asarray(rounds)[order], return_inverse=True)
        return cls(np.asarray(samples, float)[order], of_round, numbers)

    def medians(self, drawn: NDArray[Any]) -> NDArray[np.float64]:
        """(draws, rounds), how often each round was drawn -> (draws,), the medians.

        A median is looked for among blocks of samples, then inside of its block: the samples times the draws would be
        a table of seconds.
        """
        size = max(1, round(len(self.values) ** 0.5))
        blocks = -(-len(self.values) // size)
        cells = np.arange(len(self.values)) // size * len(self.rounds) + self.of_round
        counts = np.bincount(cells, minlength=blocks * len(self.rounds)).reshape(blocks, -1)
        behind = np.cumsum(drawn @ counts.T.astype(float), axis=1)
        total = behind[:, -1]
        ends = [self._at(rank, drawn, behind, size) for rank in ((total - 1) // 2, total // 2)]
        return (ends[0] + ends[1]) / 2

    def _at(self, rank: NDArray[Any], drawn: NDArray[Any], behind: NDArray[Any], size: int) -> NDArray[np.float64]:
        """The sample of a rank in each draw; `behind` is how many lie before the end of each block."""
        lines = np.arange(len(drawn))
        block = (behind > rank[:, None]).argmax(axis=1)
        before = np.where(block > 0, behind[lines, block - 1], 0)
        places = np.minimum(block[:, None] * size + np.arange(size), len(self.values) - 1)
        ranks = before[:, None] + np.cumsum(drawn[lines[:, None], self.of_round[places]], axis=1)
        found: NDArray[np.float64] = self.values[places[lines, (ranks > rank[:, None]).argmax(axis=1)]]
        return found


def _drawn(rounds: int, random: np.random.Generator) -> NDArray[Any]:
    """(draws, rounds): how often each is in every draw of as many as there are."""
    if not rounds:
        return np.empty((_DRAWS, 0), int)
    return random.multinomial(rounds, np.full(rounds, 1 / rounds), size=_DRAWS)


def _ends(values: NDArray[np.float64], middle: float, rounds: int) -> tuple[float, float]:
    low, high = map(float, np.percentile(values, [2.5, 97.5]))
    wider = students(_NORMAL, rounds - 1) / _NORMAL * math.sqrt(rounds / (rounds - 1))
    return max(0.0, middle - wider * (middle - low)), middle + wider * (high - middle)
