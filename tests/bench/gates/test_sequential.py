"""The sequential test, against enumeration, against known values and against simulated rounds."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from edgeseg.bench.gates.sequential import Look, holm, p_values, ratio_interval, thresholds
from edgeseg.core.errors import MeasureError


def positive_ranks(logs: np.ndarray, looks: list[Look]) -> list[int]:
    """The sum at each look, by its definition; every stretch between looks is one group."""
    sums, total, before = [], 0, 0
    for look in looks:
        group = logs[before : look.rounds]
        ranks = np.abs(group).argsort().argsort() + 1
        total += int(ranks[group > 0].sum())
        sums.append(total)
        before = look.rounds
    return sums


def test_thresholds_spend_no_more_than_allowed_by_enumeration() -> None:
    looks, error = [Look(5, 0.6), Look(9, 0.8), Look(12, 1.0)], 0.2
    found = thresholds(looks, error)
    sizes = np.random.default_rng(0).random(12)
    crossed, nearly = [0] * 3, [0] * 3
    for signs in itertools.product((-1, 1), repeat=12):
        sums = positive_ranks(sizes * signs, looks)
        first = next((k for k in range(3) if sums[k] >= found[k]), 3)
        for k in range(min(first + 1, 3)):
            crossed[k] += sums[k] >= found[k]
            nearly[k] += sums[k] >= found[k] - 1
    allowed = 0.0
    for k, look in enumerate(looks):
        step = error * look.share**3 - allowed
        assert crossed[k] / 2**12 <= step < nearly[k] / 2**12  # A sum one smaller would be too likely.
        allowed += step


def test_one_look_is_wilcoxons_test() -> None:
    # His tables: 10 pairs, one-sided 1 %: the smaller sum at most 5 of 55; 20 pairs, 0.5 %: at most 37 of 210.
    assert thresholds([Look(10, 1.0)], 0.01) == [50]
    assert thresholds([Look(20, 1.0)], 0.005) == [173]
    assert thresholds([Look(4, 1.0)], 0.01) == [11]
    ratios = np.exp([0.05, 0.04, 0.03, 0.02, -0.01]).tolist()
    assert p_values(ratios, [Look(5, 1.0)], 1.0) == pytest.approx((2 / 32, 31 / 32), rel=1e-6)


def test_interval_by_definition() -> None:
    logs = np.random.default_rng(5).normal(0.01, 0.02, 30)
    looks = [Look(12, 0.5), Look(30, 1.0)]
    found = ratio_interval(np.exp(logs).tolist(), looks, 0.01)
    threshold = thresholds(looks, 0.01)[-1]
    grid = np.linspace(-0.08, 0.1, 20_001)
    above = [positive_ranks(logs - limit, looks)[-1] >= threshold for limit in grid]
    below = [positive_ranks(limit - logs, looks)[-1] >= threshold for limit in grid]
    assert math.log(found.low) == pytest.approx(grid[above].max(), abs=2e-5)
    assert math.log(found.high) == pytest.approx(grid[below].min(), abs=2e-5)
    assert found.low < found.ratio < found.high


def test_a_larger_error_lowers_every_threshold() -> None:
    looks = [Look(n, n / 100) for n in (15, 40, 70, 100)]
    found = [thresholds(looks, error) for error in np.geomspace(1e-6, 1, 60)]
    assert (np.diff(found, axis=0) <= 0).all()


def test_p_value_and_interval_say_the_same() -> None:
    random = np.random.default_rng(1)
    looks = [Look(20, 0.3), Look(45, 0.7), Look(60, 1.0)]
    for shift in (0.98, 1.0, 1.01, 1.03):
        ratios = (shift * np.exp(0.02 * random.standard_normal(60))).tolist()
        interval = ratio_interval(ratios, looks, 0.005)
        above, below = p_values(ratios, looks, 1.0)
        assert (above <= 0.005) == (interval.low > 1.0)
        assert (below <= 0.005) == (interval.high < 1.0)


@pytest.mark.parametrize("noise", ["normal", "long bursts"])
def test_the_error_holds_for_one_who_stops_at_any_look(noise: str) -> None:
    """Noise that comes in bursts over many rounds and only ever slows falls on either side alike."""
    random = np.random.default_rng(0)
    looks = [Look(n, n / 48) for n in (8, 16, 24, 32, 40, 48)]
    limits = [thresholds(looks[: k + 1], 0.05)[-1] for k in range(6)]
    called = 0
    for _ in range(2000):
        logs = random.standard_normal(48)
        if noise == "long bursts":
            logs += random.choice((-1, 1), 48) * 50 * np.repeat(random.random(4) < 0.3, 12) * random.random(48)
        sums = positive_ranks(logs, looks)
        called += any(total >= limit for total, limit in zip(sums, limits, strict=True))
    assert 0.02 < called / 2000 < 0.06


def test_too_few_rounds_say_nothing() -> None:
    found = ratio_interval([2.0, 2.0], [Look(2, 1.0)], 0.005)
    assert (found.low, found.high) == (0.0, math.inf)
    assert p_values([2.0, 2.0], [Look(2, 1.0)], 1.0)[0] == pytest.approx(0.25)


@pytest.mark.parametrize("looks", [[Look(5, 1.1)], [Look(5, 0.5), Look(4, 0.6)], [Look(5, 0.5), Look(6, 0.4)]])
def test_looks_that_go_back_are_refused(looks: list[Look]) -> None:
    with pytest.raises(MeasureError, match="looks"):
        thresholds(looks, 0.01)


def test_all_ratios_are_looked_at() -> None:
    with pytest.raises(MeasureError, match="3 ratios"):
        ratio_interval([1.0, 1.0, 1.0], [Look(2, 1.0)], 0.01)
    with pytest.raises(MeasureError, match="0 ratios"):
        p_values([], [Look(0, 1.0)], 1.0)


def test_holm_against_known_values() -> None:
    # As in R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") is 0.03 0.06 0.06 0.02
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
