"""What is remembered of each channel of a tensor while calibration images stream by: three numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Channels", "sums"]

_Vector: TypeAlias = NDArray[np.float64]
_Image: TypeAlias = NDArray[np.float32]


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
        channels, inner = values.shape[axis], math.prod(values.shape[axis % values.ndim + 1 :])
        image = np.ascontiguousarray(values, np.float32).reshape(-1, channels, inner)
        total, squares, extent = _fastest_sums()(image)
        places = values.size // channels
        self.sums = np.stack(
            [self.sums[0] + total / places, self.sums[1] + squares / places, np.maximum(self.sums[2], extent)]
        )
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


def sums(image: _Image) -> NDArray[np.float64]:
    """Of an image (outer, channels, inner), by channel: (3, channels), the sum, that of squares, and the extent."""
    rest = 0, 2
    extent = np.maximum(image.max(rest), -image.min(rest))
    squares = np.square(image).sum(rest, dtype=np.float64)
    return np.stack([image.sum(rest, dtype=np.float64), squares, extent])


@cache
def _fastest_sums() -> Callable[[_Image], NDArray[np.float64]]:
    try:
        from edgeseg.quantize.ranges import channels_numba
    except ImportError:
        return sums
    compiled: Callable[[_Image], NDArray[np.float64]] = channels_numba.sums
    return compiled
