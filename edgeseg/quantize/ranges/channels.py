"""What is remembered of each channel of a tensor while calibration images stream by: three numbers."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Channels"]

_Vector: TypeAlias = NDArray[np.float64]


class Channels:
    """Of one tensor, by channel: the mean, the mean square, and the extent, which is the largest magnitude.

    All are of shape (channels,), the first two averages over the images. `sums` (3, channels) and `images` are what
    they come from; the last row holds the extent.
    """

    def __init__(self) -> None:
        self.sums: NDArray[np.float64] = np.zeros((3, 1))
        self.images = 0

    def add(self, values: NDArray[Any], axis: int) -> None:
        """Take in the tensor as it is for one image, its channels lying on `axis`."""
        rest = tuple(i for i in range(values.ndim) if i != axis % values.ndim)
        extent = np.maximum(np.maximum(values.max(rest), -values.min(rest)), self.sums[2])
        squares = np.square(values).mean(rest, dtype=np.float64)
        self.sums = np.stack([self.sums[0] + values.mean(rest, dtype=np.float64), self.sums[1] + squares, extent])
        self.images += 1

    @property
    def mean(self) -> _Vector:
        return self._average(0)

    @property
    def mean_square(self) -> _Vector:
        return self._average(1)

    @property
    def extent(self) -> _Vector:
        extent: _Vector = self.sums[2]
        return extent

    def _average(self, row: int) -> _Vector:
        average: _Vector = self.sums[row] / self.images
        return average
