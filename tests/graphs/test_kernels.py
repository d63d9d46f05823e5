from __future__ import annotations

import numpy as np

from edgeseg.graphs.kernels import blank_taps, uniform_value


def test_taps_that_are_zero_for_every_input() -> None:
    kernels = np.ones((4, 3, 2, 2), np.float32)
    kernels[0, :, 0, 1] = 0
    kernels[1, :, 1] = 0
    kernels[2, 0] = 0
    assert blank_taps(kernels, inputs=1) == 3
    assert blank_taps(kernels.transpose(0, 2, 3, 1), inputs=-1) == 3


def test_a_kernel_without_weights_counts_whole() -> None:
    kernels = np.ones((2, 3, 3, 3), np.float32)
    kernels[1] = 0
    assert blank_taps(kernels, inputs=1) == 0
    assert blank_taps(np.zeros((0, 3, 3, 3), np.float32), inputs=1) == 0


def test_the_one_value_of_all() -> None:
    assert uniform_value(np.full((2, 3), 0.5, np.float32)) == 0.5
    assert uniform_value(np.arange(3)) is None
    assert uniform_value(np.zeros(0)) is None
