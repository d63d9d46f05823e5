from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.core.protocols import Recipe
from edgeseg.quantize.ranges.observers import Observer, range_method

COUNT = 50_000


def values(kind: str) -> NDArray[np.float32]:
    random = np.random.default_rng(0)
    match kind:
        case "normal":
            drawn = random.normal(size=COUNT)
        case "relu":
            drawn = np.maximum(random.normal(size=COUNT), 0)
        case "uniform":
            drawn = random.uniform(-1, 2, COUNT)
        case "heavy tail":
            drawn = random.laplace(size=COUNT)
        case _:
            drawn = np.append(random.normal(size=COUNT), 30.0)
    return drawn.astype(np.float32)


def chosen(method: str, given: NDArray[np.float32]) -> tuple[float, float]:
    seen = Observer()
    seen.add(given, float(given.min()), float(given.max()))
    return range_method(Recipe(method=method))(seen)


def error(given: NDArray[np.float32], low: float, high: float) -> float:
    """Mean squared, of 256 levels that hold zero."""
    step = (high - low) / 255
    zero = round(-low / step)
    return float(np.mean((step * (np.clip(np.rint(given / step) + zero, 0, 255) - zero) - given) ** 2))


@pytest.mark.parametrize("kind", ["normal", "relu", "uniform", "heavy tail", "outlier"])
def test_mse_is_near_the_best_of_all_ranges(kind: str) -> None:
    given = values(kind)
    low, high = min(0.0, float(given.min())), float(given.max())
    shares = np.linspace(1, 0.05, 39)
    best = min(error(given, low * a, high * b) for a in (shares if low else [1]) for b in shares)
    assert error(given, *chosen("mse", given)) <= 1.1 * best


@pytest.mark.parametrize("slope", [0.0, 0.1, 0.7])
def test_behind_a_leaky_rectifier_mse_is_near_the_best_of_all_ranges(slope: float) -> None:
    given = values("heavy tail")
    seen = Observer()
    seen.add(given, float(given.min()), float(given.max()))

    def behind(low: float, high: float) -> float:
        step = (high - low) / 255
        zero = round(-low / step)
        held = step * (np.clip(np.rint(given / step) + zero, 0, 255) - zero)
        return float(
            np.mean(np.square(np.where(held > 0, held, slope * held) - np.where(given > 0, given, slope * given)))
        )

    shares = np.linspace(1, 0.05, 39)
    best = min(behind(given.min() * a, given.max() * b) for a in shares for b in shares)
    low, high = range_method(Recipe(method="mse"), slope)(seen)
    assert behind(low, high) <= 1.1 * best
    assert low > chosen("mse", given)[0]


def test_entropy_cuts_off_a_lone_outlier() -> None:
    given = values("outlier")
    low, high = chosen("entropy", given)
    assert 3 < high < 8
    assert low == pytest.approx(float(given.min()), rel=0.3)


@pytest.mark.parametrize("method", ["mse", "entropy"])
def test_a_range_that_is_full_to_its_ends_stays(method: str) -> None:
    given = values("uniform")
    assert chosen(method, given) == pytest.approx((float(given.min()), float(given.max())), rel=0.02)


@pytest.mark.parametrize("method", ["mse", "entropy"])
@pytest.mark.parametrize("given", [[0.0, 0.0], [3.0, 0.0], [-2.0, 0.0], [1e-30, -1e-30], [1e30, -1.0]])
def test_ranges_of_few_values_hold_zero_and_are_finite(method: str, given: list[float]) -> None:
    extremes = min(0.0, *map(np.float32, given)), max(0.0, *map(np.float32, given))
    low, high = chosen(method, np.float32(given))
    assert extremes[0] <= low <= 0 <= high <= extremes[1]
