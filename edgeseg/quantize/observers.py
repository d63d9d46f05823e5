"""What is remembered of a tensor while calibration images stream by: a few numbers, whatever is fed in.

An observer counts exactly, so neither the order nor the grouping of what it sees changes what it says.
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

__all__ = ["BINS", "Histogram", "MinMax", "Observer", "observer_factory"]

BINS = 2048
"""Bins on either side of zero; their width is the smallest power of two with which they reach every value seen."""

_BLOCK = 1 << 15

_Floats: TypeAlias = NDArray[np.float32]
_Count: TypeAlias = Callable[[_Floats, float, NDArray[np.int64]], None]


class Observer(Protocol):
    """Sees a tensor's values batch by batch, then tells the range to quantize."""

    def add(self, values: _Floats, low: float, high: float) -> None:
        """Take in a flat array of finite values, of which `low` is the lowest and `high` the highest."""

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

    def range(self) -> tuple[float, float]:
        """See `Observer`."""
        return self.low, self.high


class Histogram:
    """All but the share of values that a percentile cuts off at either end, exact to one bin.

    Bin i of `counts` holds the values in [(i - BINS) * width, (i - BINS + 1) * width). A value that lies beyond doubles
    the width until it does not, and the bins are merged in pairs: since every width is a power of two, the counts are
    those that the final width would have given from the start.
    """

    def __init__(self, percentile: float) -> None:
        self.percentile = percentile
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

    def range(self) -> tuple[float, float]:
        """See `Observer`. The outer edge of the bin that holds the percentile, or the extreme value within it."""
        cut = self.counts.sum() * (1 - self.percentile / 100)
        first = int(np.searchsorted(np.cumsum(self.counts), cut, side="right"))
        last = 2 * BINS - 1 - int(np.searchsorted(np.cumsum(self.counts[::-1]), cut, side="right"))
        low, high = (first - BINS) * self.width, (last + 1 - BINS) * self.width
        return min(0.0, max(low, self._extremes.low)), max(0.0, min(high, self._extremes.high))

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
        case "percentile":
            if not 50 < recipe.percentile <= 100:
                raise InputError(
                    f"percentile {recipe.percentile}: expected more than 50 and at most 100, such as 99.99"
                )
            return lambda: Histogram(recipe.percentile)
    raise InputError(f"no calibration method {recipe.method!r}; there are: minmax, percentile")


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
