"""Percentiles and intervals of samples that were taken in rounds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike

from edgeseg.bench.times.intervals import median_interval, percentile, ratio_interval, samples_for
from edgeseg.core.errors import MeasureError


def test_samples_that_a_percentile_needs() -> None:
    assert [samples_for(percent) for percent in (90, 95, 99)] == [64, 130, 662]


@pytest.mark.parametrize("percent", [90, 95, 99])
def test_percentiles_equal_numpy_or_are_left_out(percent: int) -> None:
    samples = np.random.default_rng(0).gamma(9, 2, samples_for(percent)).tolist()
    assert percentile(samples, percent) == pytest.approx(np.percentile(samples, percent), rel=1e-12)
    assert percentile(samples[1:], percent) is None


def widened(drawn: ArrayLike, middle: float, students_t: float, rounds: int) -> np.ndarray:
    """The ends of a bootstrap of the middle, for so many rounds."""
    ends = np.percentile(drawn, [2.5, 97.5])
    return middle + (ends - middle) * students_t / 1.96 * (rounds / (rounds - 1)) ** 0.5


def test_interval_equals_a_bootstrap_written_out() -> None:
    data = np.random.default_rng(3)
    rounds = np.repeat(np.arange(9), [3, 5, 4, 4, 1, 2, 6, 3, 3])
    samples = data.gamma(9, 2, len(rounds)) + rounds
    mixed = data.permutation(len(rounds))
    draws = np.random.default_rng(7).multinomial(9, np.full(9, 1 / 9), size=1000)
    medians = [np.median(np.concatenate([np.repeat(samples[rounds == r], n) for r, n in enumerate(d)])) for d in draws]
    expected = widened(medians, float(np.median(samples)), 2.306, 9)
    assert median_interval(samples[mixed].tolist(), rounds[mixed].tolist(), seed=7) == pytest.approx(expected, rel=1e-3)


def test_rounds_that_differ_widen_the_interval() -> None:
    data = np.random.default_rng(0)
    alone = data.normal(10, 0.1, 400)
    rounds = np.repeat(np.arange(20), 20)
    shifted = alone + data.normal(0, 1, 20)[rounds]
    widths = [high - low for low, high in (median_interval(s.tolist(), rounds.tolist()) for s in (alone, shifted))]
    assert widths[1] > 10 * widths[0]
    one_by_one = median_interval(shifted.tolist(), list(range(400)))
    assert one_by_one is not None
    assert one_by_one[1] - one_by_one[0] < widths[1] / 2


@pytest.mark.parametrize("together", [True, False])
def test_interval_of_a_ratio_equals_a_bootstrap_written_out(together: bool) -> None:
    """Of samples of which one has five rounds more than the other."""
    data = np.random.default_rng(3)
    rounds = [np.repeat(np.arange(n), 3) for n in (12, 7)]
    samples = [data.gamma(9, 2, len(each)) + each for each in rounds]

    def draws(count: int) -> np.ndarray:
        return random.multinomial(count, np.full(count, 1 / count), size=1000)

    random = np.random.default_rng(7)
    drawn = [shared := draws(7), shared] if together else [draws(12), draws(7)]
    if together:
        drawn[0] = np.hstack([shared, draws(5)])
    medians = [
        [np.median(np.concatenate([np.repeat(s[r == number], times) for number, times in enumerate(d)])) for d in each]
        for s, r, each in zip(samples, rounds, drawn, strict=True)
    ]
    above, below = ((s.tolist(), r.tolist()) for s, r in zip(samples, rounds, strict=True))
    expected = widened(np.divide(*medians), float(np.median(above[0]) / np.median(below[0])), 2.447, 7)
    assert ratio_interval(above, below, together=together, seed=7) == pytest.approx(expected, rel=1e-3)


def test_what_slows_both_does_not_blur_their_ratio() -> None:
    data = np.random.default_rng(0)
    rounds = np.repeat(np.arange(20), 10)
    slower = 1 + data.random(20)[rounds]
    one, other = ((ms * slower * data.normal(1, 0.01, 200)).tolist() for ms in (20, 10))
    apart, paired = (
        ratio_interval((one, rounds.tolist()), (other, rounds.tolist()), together=together)
        for together in (False, True)
    )
    assert apart is not None
    assert paired is not None
    assert paired[0] < 2 < paired[1]
    assert paired[1] - paired[0] < (apart[1] - apart[0]) / 5


@pytest.mark.parametrize("count", [3, 4, 6, 10, 20])
def test_the_interval_of_few_rounds_holds_the_truth_as_often_as_it_says(count: int) -> None:
    data, held = np.random.default_rng(0), 0
    rounds = np.repeat(np.arange(count), 20)
    for _ in range(200):
        samples = 1 + data.normal(0, 0.02, count)[rounds] + data.normal(0, 0.01, len(rounds))
        low, high = median_interval(samples.tolist(), rounds.tolist())
        held += low <= 1 <= high
    assert held >= 175


def test_two_rounds_have_no_interval() -> None:
    assert median_interval([1.0, 2.0], [0, 1]) is None
    assert median_interval([], []) is None
    assert ratio_interval(([1.0, 2.0], [0, 1]), ([1.0, 2.0], [0, 0]), together=True) is None
    with pytest.raises(MeasureError, match="rounds"):
        median_interval([1.0, 2.0], [0])
