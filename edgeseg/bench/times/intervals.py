"""What can be said of samples that were taken in rounds: percentiles, and how sure a median is."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles

import numpy as np

from edgeseg.core.errors import MeasureError

__all__ = ["median_interval", "percentile", "samples_for"]

_DRAWS = 1000
_CELLS = 2_000_000
"""Of a table of draws by samples that is held at a time."""


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


def median_interval(
    samples: Sequence[float], rounds: Sequence[int], confidence: float = 0.95, seed: int = 0
) -> tuple[float, float] | None:
    """Where the median of samples lies, by bootstrap over whole rounds, since the samples of a round are alike.

    Args:
        samples: Of all rounds together.
        rounds: The round that each sample was taken in.
        confidence: The share of draws whose median lies inside.
        seed: Of the draws.

    Returns None for fewer than two rounds. Raises MeasureError where a sample has no round.
    """
    if len(samples) != len(rounds):
        raise MeasureError(f"{len(samples)} samples, but {len(rounds)} rounds that they are of; measure again")
    order = np.argsort(samples, kind="stable")
    ordered = np.asarray(samples, float)[order]
    _, of_round = np.unique(np.asarray(rounds)[order], return_inverse=True)
    count = int(of_round.max(initial=-1)) + 1
    if count < 2:
        return None
    random, medians = np.random.default_rng(seed), []
    step = max(1, _CELLS // len(ordered))
    for start in range(0, _DRAWS, step):
        drawn = random.multinomial(count, np.full(count, 1 / count), size=min(step, _DRAWS - start))
        ranks = np.cumsum(drawn[:, of_round], axis=1)
        total = ranks[:, -1:]
        lower, upper = ((ranks > rank).argmax(axis=1) for rank in ((total - 1) // 2, total // 2))
        medians.append((ordered[lower] + ordered[upper]) / 2)
    tail = 50 * (1 - confidence)
    low, high = np.percentile(np.concatenate(medians), [tail, 100 - tail])
    return float(low), float(high)
