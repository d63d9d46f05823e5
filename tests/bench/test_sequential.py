"""The sequential test, against enumeration, against known values and against simulated rounds."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from edgeseg.bench.sequential import Interval, Look, holm, p_values, ratio_interval, thresholds
from edgeseg.core.errors import MeasureError


def test_thresholds_spend_no_more_than_allowed_by_enumeration() -> None:
    looks, error = [Look(5, 0.6), Look(9, 0.8), Look(13, 1.0)], 0.1
    found = thresholds(looks, error)
    crossed = dict.fromkeys(range(3), 0)
    nearly = dict.fromkeys(range(3), 0)
    for tosses in itertools.product((0, 1), repeat=13):
        heads = [sum(tosses[: look.rounds]) for look in looks]
        first = next((k for k in range(3) if heads[k] >= found[k]), None)
        if first is not None:
            crossed[first] += 1
        for k in range(3):
            if heads[k] >= found[k] - 1 and all(heads[j] < found[j] for j in range(k)):
                nearly[k] += 1
    allowed = 0.0
    for k, look in enumerate(looks):
        step = error * look.share**3 - allowed
        assert crossed[k] / 2**13 <= step < nearly[k] / 2**13  # and one head fewer would be too many
        allowed = error * look.share**3


def test_one_look_is_the_sign_test() -> None:
    # P(at least 15 heads of 20) = 0.0207, of at least 16 = 0.0059
    assert thresholds([Look(20, 1.0)], 0.01) == [16]
    assert thresholds([Look(20, 1.0)], 0.0208) == [15]
    assert thresholds([Look(4, 1.0)], 0.01) == [5]
    ratios = [1 + n / 100 for n in range(20)]
    assert ratio_interval(ratios, [Look(20, 1.0)], 0.01) == Interval(1.04, 1.15)
    assert p_values([1.1] * 15 + [0.9] * 5, [Look(20, 1.0)], 1.0)[0] == pytest.approx(21700 / 2**20, rel=1e-6)
    assert p_values([1.1] * 15 + [0.9] * 5, [Look(20, 1.0)], 1.0)[1] > 0.9


def test_a_larger_error_lowers_every_threshold() -> None:
    looks = [Look(n, n / 100) for n in (15, 40, 70, 100)]
    found = [thresholds(looks, error) for error in np.geomspace(1e-6, 1, 60)]
    assert all(
        late <= early for some, more in itertools.pairwise(found) for early, late in zip(some, more, strict=True)
    )


def test_p_value_and_interval_say_the_same() -> None:
    random = np.random.default_rng(1)
    looks = [Look(20, 0.3), Look(45, 0.7), Look(60, 1.0)]
    for shift in (0.98, 1.0, 1.01, 1.03):
        ratios = (shift * np.exp(0.02 * random.standard_normal(60))).tolist()
        interval = ratio_interval(ratios, looks, 0.005)
        above, below = p_values(ratios, looks, 1.0)
        assert (above <= 0.005) == (interval.low > 1.0)
        assert (below <= 0.005) == (interval.high < 1.0)


def test_the_error_holds_for_one_who_stops_at_any_look() -> None:
    random = np.random.default_rng(0)
    looks = [Look(n, n / 60) for n in (10, 20, 30, 40, 50, 60)]
    limits = [thresholds(looks[: k + 1], 0.05)[-1] for k in range(6)]
    heads = np.cumsum(random.random((20_000, 60)) < 0.5, axis=1)[:, [look.rounds - 1 for look in looks]]
    called = (heads >= limits).any(axis=1).mean()
    assert 0.02 < called < 0.05
    noisy = np.cumsum(random.random((2_000, 60)) < 0.8, axis=1)[:, [look.rounds - 1 for look in looks]]
    assert (noisy >= limits).any(axis=1).mean() > 0.98


def test_too_few_rounds_say_nothing() -> None:
    assert ratio_interval([2.0, 2.0], [Look(2, 1.0)], 0.005) == Interval(0.0, math.inf)
    assert p_values([2.0, 2.0], [Look(2, 1.0)], 1.0)[0] == pytest.approx(0.25)


@pytest.mark.parametrize("looks", [[Look(5, 1.1)], [Look(5, 0.5), Look(4, 0.6)], [Look(5, 0.5), Look(6, 0.4)]])
def test_looks_that_go_back_are_refused(looks: list[Look]) -> None:
    with pytest.raises(MeasureError, match="looks"):
        thresholds(looks, 0.01)


def test_all_ratios_are_looked_at() -> None:
    with pytest.raises(MeasureError, match="3 ratios"):
        ratio_interval([1.0, 1.0, 1.0], [Look(2, 1.0)], 0.01)


def test_holm_against_known_values() -> None:
    # Holm (1979) as in R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") is 0.03 0.06 0.06 0.02
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
