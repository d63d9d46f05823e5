"""Where bilinear interpolation takes its pixels from, without rounding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Axis", "axis"]


@dataclass(frozen=True)
class Axis:
    """How one side of an image is interpolated.

    Output pixel `i` is `low_weight[i] * input[low[i]] + high_weight[i] * input[min(low[i] + 1, inputs - 1)]`, over the
    sum of the two weights, which is the same for every pixel. Weights are whole numbers, held as float64. The outputs
    `starts[k]` to `starts[k + 1]` are those with `low == k`.
    """

    low: NDArray[np.int64]
    low_weight: NDArray[np.float64]
    high_weight: NDArray[np.float64]
    starts: NDArray[np.int64]

    @property
    def total(self) -> float:
        """The sum of a pixel's two weights."""
        return float(self.low_weight[0] + self.high_weight[0])


def axis(inputs: int, outputs: int, align_corners: bool) -> Axis:
    """The interpolation from a side of `inputs` pixels to one of `outputs`, up or down.

    With `align_corners` output `i` lies at `i (inputs - 1) / (outputs - 1)`, else at
    `((2 i + 1) inputs - outputs) / (2 outputs)`, clamped to the image: PyTorch's convention.
    """
    i = np.arange(outputs, dtype=np.int64)
    if align_corners:
        numerator, denominator = i * (inputs - 1), max(outputs - 1, 1)
    else:
        denominator = 2 * outputs
        numerator = np.clip((2 * i + 1) * inputs - outputs, 0, denominator * (inputs - 1))
    divisor = np.gcd.reduce(numerator, initial=denominator)
    low, rest = np.divmod(numerator // divisor, denominator // divisor)
    starts = np.searchsorted(low, np.arange(inputs + 1))
    return Axis(low, (denominator // divisor - rest).astype(np.float64), rest.astype(np.float64), starts)
