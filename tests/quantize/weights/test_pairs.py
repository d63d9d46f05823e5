"""The arithmetic of vpmaddubsw, in numpy, against the steps that keep its sums inside 16 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.quantize.weights.layers import rounded, steps
from edgeseg.quantize.weights.pairs import PAIR_LIMIT, any_two, neighbours, pair_step


def vpmaddubsw(unsigned: NDArray[np.uint8], signed: NDArray[np.int8]) -> NDArray[np.int16]:
    """Products of neighbours on the last axis, summed two by two and cut to 16 bits."""
    products = unsigned.astype(np.int32) * signed
    return products.reshape(*products.shape[:-1], -1, 2).sum(-1).clip(-32768, 32767).astype(np.int16)


def saturates(unsigned: NDArray[Any], signed: NDArray[Any]) -> bool:
    exact = (unsigned.astype(np.int64) * signed).reshape(-1, 2).sum(-1)
    return bool((vpmaddubsw(unsigned, signed) != exact).any())


@pytest.mark.parametrize(("first", "second"), [(64, 64), (127, 1), (1, 127), (-64, -64), (-127, -1), (127, -127)])
def test_the_limit_is_the_instruction_s(first: int, second: int) -> None:
    weights = np.array([first, second], np.int8)
    full = np.array([255, 255], np.uint8)
    assert not saturates(full, weights)
    assert any_two(weights[None].astype(int)) <= PAIR_LIMIT
    if first * second > 0:
        weights[np.argmin(np.abs(weights))] += np.sign(first)
        assert saturates(full, weights)


@pytest.mark.parametrize("draw", ["normal", "laplace", "standard_cauchy", "uniform"])
def test_no_order_of_rounded_weights_saturates(draw: str) -> None:
    random = np.random.default_rng(0)
    kernel = getattr(random, draw)(size=(2000, 9)).astype(np.float32)
    step = np.maximum(pair_step(kernel), np.abs(kernel).max(axis=1) / 127)[:, None]
    integers = np.rint(kernel / step.astype(np.float32)).astype(np.int8)
    assert any_two(integers.astype(int)).max() == PAIR_LIMIT
    worst = np.sort(integers, axis=1)
    for pair in (worst[:, :2], worst[:, -2:]):
        assert not saturates(np.full(pair.shape, 255, np.uint8).reshape(-1), np.ascontiguousarray(pair).reshape(-1))


def test_what_rounds_up_twice_stays_below() -> None:
    for half in np.linspace(0.5, 127.5, 128):
        kernel = np.array([[128 - half, half]], np.float32)
        assert any_two(np.rint(kernel / pair_step(kernel)[:, None])) <= PAIR_LIMIT


def test_a_lone_large_weight_keeps_its_range() -> None:
    kernel = np.array([[[1.0, 0.004, -0.9]]])
    assert steps(kernel, True, pairs_fit=True) == pytest.approx(1 / 127)
    assert np.array_equal(rounded(kernel, True, pairs_fit=True), rounded(kernel, True))
    kernel[0, 0, 1] = 1.0
    assert steps(kernel, True, pairs_fit=True) == pytest.approx(2 / 128, rel=1e-5)


def test_one_step_for_all_channels_is_the_widest() -> None:
    kernel = np.random.default_rng(0).normal(size=(4, 2, 9))
    assert steps(kernel, False, pairs_fit=True).shape == (1, 1, 1)
    assert steps(kernel, False, pairs_fit=True) == steps(kernel, True, pairs_fit=True).max()


def test_neighbours_are_pairs_and_the_last_may_be_alone() -> None:
    kernel = np.array([[100, 100, -128, -3, 50], [1, 2, 3, -4, 0]], np.int8)
    assert neighbours(kernel).tolist() == [[200, 131, 50], [3, 4, 0]]
    assert any_two(kernel.astype(int)).tolist() == [200, 5]
    assert any_two(np.array([[-5]])).tolist() == [5]
