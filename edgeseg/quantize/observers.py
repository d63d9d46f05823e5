"""What is remembered of a tensor while calibration images stream by: a few numbers, whatever is fed in.

All but the moving average count exactly: neither the order nor the grouping of what they see changes what they say.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.quantize.criteria import Criterion, entropy, mse, percentile

__all__ = ["BINS", "METHODS", "Histogram", "MinMax", "MovingAverage", "Observer", "observer_factory"]

METHODS = ("minmax", "moving-average", "percentile", "mse", "entropy")
"""Of taking a range."""

BINS = 2048
"""Bins on either side of zero; their width is the smallest power of two with which they reach every value seen."""

_BLOCK = 1 << 15

_NEWEST = 0.01
"""Share of the newest image in a moving average."""

_Floats: TypeAlias = NDArray[np.float32]
_Count: TypeAlias = Callable[[_Floats, float, NDArray[np.int64]], None]


class Observer(Protocol):
    """Sees a tensor's values batch by batch, then tells the range to quantize."""

    def add(self, values: _Floats, low: float, high: float) -> None:
        """Take in a flat array of finite values, of which `low` is the lowest and `high` the highest."""

    def end_image(self) -> None:
        """What comes next is of another image."""

    def range(self) -> tuple[float, float]:
        """(low, high) with low <= 0 <= high."""


class MinMax:
    """Everything between the lowest and the highest value."""

    def __init__(self) -> None:
        self.low = 0.0
        self.high = 0.0

    def add(self, values: _Floats, low: float, high: float) -> None:
        """See `Observer`."""
        self.low = min(self.low, low)
        self.high = max(self.high, high)

    def end_image(self) -> None:
        """See `Observer`."""

    def range(self) -> tuple[float, float]:
        """See `Observer`."""
        return self.low, self.high


class MovingAverage:
    """The extremes of an image, averaged: the first hundred images alike, then each new one counts a hundredth.

    Source: Jacob et al., Quantization and training of neural networks, CVPR 2018, https://arxiv.org/abs/1712.05877,
    section 3.1. The only observer to which the order of the images matters.
    """

    def __init__(self) -> None:
        self._image = MinMax()
        self._images = 0
        self._average = 0.0, 0.0

    def add(self, values: _Floats, low: float, high: float) -> None:
        """See `Observer`."""
        self._image.add(values, low, high)

    def end_image(self) -> None:
        """See `Observer`."""
        self._images += 1
        share = max(1 / self._images, _NEWEST)
        low, high = (old + share * (new - old) for old, new in zip(self._average, self._image.range(), strict=True))
        self._average = low, high
        self._image = MinMax()

    def range(self) -> tuple[float, float]:
        """See `Observer`."""
        return self._average


class Histogram:
    """Counts in bins, of which a criterion makes a range.

    Bin i of `counts` holds the values in [(i - BINS) * width, (i - BINS + 1) * width). A value that lies beyond doubles
    the width until it does not, and the bins are merged in pairs: since every width is a power of two, the counts are
    those that the final width would have given from the start.
    """

    def __init__(self, criterion: Criterion) -> None:
        self.criterion = criterion
        self.width = 0.0
        self.counts = np.zeros(2 * BINS, np.int64)
        self._extremes = MinMax()

    def add(self, values: _Floats, low: float, high: float) -> None:
        """See `Observer`."""
        self._extremes.add(values, low, high)
        self._reach(max(-self._extremes.low, self._extremes.high))
        if self.width:
            _fastest_count()(values, 1 / self.width, self.counts)
        else:
            self.counts[BINS] += values.size

    def end_image(self) -> None:
        """See `Observer`."""

    def range(self) -> tuple[float, float]:
        """See `Observer`."""
        return self.criterion(self.counts, self.width, self._extremes.range()) if self.width else (0.0, 0.0)

    def _reach(self, extent: float) -> None:
        """Widen the bins until `extent`, positive or negative, lies in one."""
        if extent < self.width * BINS or extent == 0:
            return
        # frexp: extent < 2 ** exponent, with equality excluded.
        width = max(math.ldexp(1.0, math.frexp(extent)[1]) / BINS, float(np.finfo(np.float32).tiny))
        while self.width and self.width < width:
            pairs = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts[:] = 0
            self.counts[BINS // 2 : BINS // 2 + BINS] = pairs
            self.width *= 2
        self.width = width


def observer_factory(recipe: Recipe) -> Callable[[], Observer]:
    """What makes an observer for each tensor; InputError for a method or percentile that there is not."""
    match recipe.method:
        case "minmax":
            return MinMax
        case "moving-average":
            return MovingAverage
        case "mse":
            return lambda: Histogram(mse)
        case "entropy":
            return lambda: Histogram(entropy)
        case "percentile":
            if not 50 < recipe.percentile <= 100:
                raise InputError(
                    f"percentile {recipe.percentile}: expected more than 50 and at most 100, such as 99.99"
                )
            return lambda: Histogram(percentile(recipe.percentile))
    raise InputError(f"no calibration method {recipe.method!r}; there are: {', '.join(METHODS)}")


def count(values: _Floats, scale: float, counts: NDArray[np.int64]) -> None:
    """Add the histogram of flat `values` to `counts`, bins being 1 / `scale` wide; `scale` is a power of two."""
    for start in range(0, values.size, _BLOCK):
        bins = np.floor(values[start : start + _BLOCK] * np.float32(scale)).astype(np.int64)
        bins += BINS
        counts += np.bincount(bins, minlength=counts.size)


@cache
def _fastest_count() -> _Count:
    try:
        from edgeseg.quantize import histogram_numba
    except ImportError:
        return count
    compiled: _Count = histogram_numba.count
    return compiled
