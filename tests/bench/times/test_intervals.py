"""Percentiles and intervals of samples that were taken in rounds."""

from __future__ import annotations

import numpy as np
import pytest

from edgeseg.bench.times.intervals import median_interval, percentile, samples_for
from edgeseg.core.errors import MeasureError


def test_samples_that_a_percentile_needs() -> None:
    assert [samples_for(percent) for percent in (90, 95, 99)] == [64, 130, 662]


@pytest.mark.parametrize("percent", [90, 95, 99])
def test_percentiles_equal_numpy_or_are_left_out(percent: int) -> None:
    samples = np.random.default_rng(0).gamma(9, 2, samples_for(percent)).tolist()
    assert percentile(samples, percent) == pytest.approx(np.percentile(samples, percent), rel=1e-12)
    assert percentile(samples[1:], percent) is None


def test_interval_equals_a_bootstrap_written_out() -> None:
    data = np.random.default_rng(3)
    rounds = np.repeat(np.arange(9), [3, 5, 4, 4, 1, 2, 6, 3, 3])
    samples = data.gamma(9, 2, len(rounds)) + rounds
    mixed = data.permutation(len(rounds))
    draws = np.random.default_rng(7).multinomial(9, np.full(9, 1 / 9), size=1000)
    medians = [np.median(np.concatenate([np.repeat(samples[rounds == r], n) for r, n in enumerate(d)])) for d in draws]
    expected = np.percentile(medians, [2.5, 97.5])
    assert median_interval(samples[mixed].tolist(), rounds[mixed].tolist(), seed=7) == pytest.approx(expected)


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


def test_one_round_has_no_interval() -> None:
    assert median_interval([1.0, 2.0], [0, 0]) is None
    assert median_interval([], []) is None
    with pytest.raises(MeasureError, match="rounds"):
        median_interval([1.0, 2.0], [0])
