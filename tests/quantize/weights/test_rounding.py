from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.quantize.weights.rounding import choose, noise


def problem(groups: int, columns: int, outputs: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Weights in steps, and the covariance of inputs that go together."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(groups, columns, columns)) * np.logspace(0, -2, columns)[:, None]
    turned = random.normal(size=(groups, columns, columns)) @ inputs
    return random.normal(size=(groups, columns, outputs)) * 30, turned @ turned.swapaxes(1, 2) / columns


@pytest.mark.parametrize("shape", [(1, 64, 16), (16, 9, 1), (4, 18, 3)])
def test_no_output_is_noisier_than_with_the_nearest(shape: tuple[int, int, int]) -> None:
    values, covariance = problem(*shape)
    found = choose(values, covariance, np.ones(shape, bool))
    learned, nearest = (noise(values - each, covariance) for each in (found, np.rint(values)))
    assert (learned <= nearest).all()
    assert learned.mean() < 0.3 * nearest.mean()
    assert np.abs(values - found).max() < 1
    assert np.array_equal(found, np.rint(found))


def test_it_is_nearly_the_best_there_is() -> None:
    values, covariance = problem(1, 9, 8)
    covariance += 0.05 * np.diagonal(covariance[0]).mean() * np.eye(9)
    found = noise(values - choose(values, covariance, np.ones(values.shape, bool)), covariance)[0]
    best = [
        min(
            noise((each - np.floor(each) - up)[None, :, None], covariance).item()
            for up in np.array(list(product((0, 1), repeat=9)))
        )
        for each in values[0].T
    ]
    assert found.mean() < 1.5 * np.mean(best)


def test_what_is_not_free_goes_to_the_nearest() -> None:
    values, covariance = problem(1, 32, 8)
    free = np.arange(32)[None, :, None] % 2 == np.zeros(8)
    found = choose(values, covariance, free)
    assert np.array_equal(found[~free], np.rint(values)[~free])
    assert (found != np.rint(values))[free].any()


def test_inputs_that_never_vary_leave_the_nearest() -> None:
    values, covariance = problem(2, 9, 1)
    covariance[1] = 0
    found = choose(values, covariance, np.ones(values.shape, bool))
    assert np.array_equal(found[1], np.rint(values[1]))
    assert not np.array_equal(found[0], np.rint(values[0]))
