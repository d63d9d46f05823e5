"""What is remembered of a tensor while calibration images stream by: a few numbers, whatever is fed in.

All but what is averaged over images is exact: neither the order nor the grouping of what is seen changes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.core.students import students
from edgeseg.quantize.ranges.criteria import Criterion, Range, entropy, mse, percentile

__all__ = ["BINS", "METHODS", "Observer", "range_method"]

METHODS = ("minmax", "moving-average", "percentile", "mse", "entropy")
"""Of taking a range."""

BINS = 2048
"""Bins on either side of zero; their width is the smallest power of two with which they reach every value seen."""

_BLOCK = 1 << 15

_NEWEST = 0.01
"""Least share of an image in the moving average: the first hundred count alike, then each new one a hundredth.

Source: Jacob et al., Quantization and training of neural networks, CVPR 2018, https://arxiv.org/abs/1712.05877, section
3.1. Only to this average does the order of the images matter.
"""

_FEW = 2048
"""Values of a tensor in an image, up to which they tell of the image as a whole, as those of pooled maps do."""

_SPREADS = 3.0
"""Standard deviations of images' extremes that a range of such a tensor reaches beyond their mean, were both known."""

_IMAGES = 8
"""Fewer tell nothing of a deviation."""

_Floats: TypeAlias = NDArray[np.float32]
_Count: TypeAlias = Callable[[_Floats, float, NDArray[np.int64]], None]


class Observer:
    """Of one tensor: its extremes, their moving average and a histogram, so that any method can take a range of it.

    Bin i of `counts` holds the values in [(i - BINS) * width, (i - BINS + 1) * width). A value that lies beyond doubles
    the width until it does not, and the bins are merged in pairs: since every width is a power of two, the counts are
    those that the final width would have given from the start. As long as nothing but zeros were seen, the width is 0.
    `sums` (2, 2) are over the images: of the lowest and the highest value of each, and of the squares of these.
    `telling` is how many values were no repetitions of others of their image.
    """

    def __init__(self) -> None:
        self.extremes: Range = 0.0, 0.0
        self.average: Range = 0.0, 0.0
        self.width = 0.0
        self.counts = np.zeros(2 * BINS, np.int64)
        self.images = self.telling = 0
        self.sums: NDArray[np.float64] = np.zeros((2, 2))
        self._image: Range = 0.0, 0.0

    def add(self, values: _Floats, low: float, high: float) -> None:
        """Take in a flat array of finite values, of which `low` is the lowest and `high` the highest."""
        self._image = _joined(self._image, (low, high))
        self.extremes = _joined(self.extremes, (low, high))
        self._reach(max(-self.extremes[0], self.extremes[1]))
        if self.width:
            _fastest_count()(values, 1 / self.width, self.counts)
        else:
            self.counts[BINS] += values.size

    def end_image(self, telling: int) -> None:
        """What comes next is of another image; of this one, so many values were no repetitions."""
        self.images += 1
        self.telling += telling
        self.sums += np.array([self._image, np.square(self._image)])
        share = max(1 / self.images, _NEWEST)
        low, high = (old + share * (new - old) for old, new in zip(self.average, self._image, strict=True))
        self.average = low, high
        self._image = 0.0, 0.0

    @property
    def is_small(self) -> bool:
        """Whether an image has so few values of it that one that is cut off is much of what the image gives."""
        return self.telling < _FEW * self.images

    @property
    def foreseen(self) -> Range:
        """What images not yet seen are to be expected to reach: the prediction interval of one more."""
        mean, square = self.sums / self.images
        deviation = np.sqrt(np.maximum(square - mean**2, 0) * self.images / (self.images - 1))
        spread = students(_SPREADS, self.images - 1) * math.sqrt(1 + 1 / self.images) * deviation
        return float(mean[0] - spread[0]), float(mean[1] + spread[1])

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


def range_method(recipe: Recipe, slope: float = 1.0) -> Callable[[Observer], Range]:
    """How a recipe takes (low, high) with low <= 0 <= high, of a tensor that a leaky rectifier of this slope reads.

    Raises InputError for a method or percentile that there is not, or not for this precision.
    """
    match recipe.method:
        case "minmax":
            return lambda seen: seen.extremes
        case "moving-average":
            return lambda seen: seen.average
        case "mse":
            criterion = mse(slope, bits=16 if recipe.precision == "int16x8" else 8)
            return lambda seen: _with_room(_by_histogram(criterion, seen), seen)
        case "entropy":
            if recipe.precision == "int16x8":
                raise InputError("method entropy weighs 256 levels, which 16-bit activations do not have; try mse")
            return partial(_by_histogram, entropy)
        case "percentile":
            if not 50 < recipe.percentile <= 100:
                raise InputError(
                    f"percentile {recipe.percentile}: expected more than 50 and at most 100, such as 99.99"
                )
            return partial(_by_histogram, percentile(recipe.percentile))
    raise InputError(f"no calibration method {recipe.method!r}; there are: {', '.join(METHODS)}")


def _by_histogram(criterion: Criterion, seen: Observer) -> Range:
    return criterion(seen.counts, seen.width, seen.extremes) if seen.width else (0.0, 0.0)


def _with_room(chosen: Range, seen: Observer) -> Range:
    """A range for what is to come: all values of a small tensor go with the image, and few images were seen."""
    return _joined(chosen, seen.foreseen) if seen.is_small and seen.images >= _IMAGES else chosen


def _joined(one: Range, other: Range) -> Range:
    return min(one[0], other[0]), max(one[1], other[1])


def count(values: _Floats, scale: float, counts: NDArray[np.int64]) -> None:
    """Add the histogram of flat `values` to `counts`, bins being 1 / `scale` wide; `scale` is a power of two."""
    for start in range(0, values.size, _BLOCK):
        bins = np.floor(values[start : start + _BLOCK] * np.float32(scale)).astype(np.int64)
        bins += BINS
        counts += np.bincount(bins, minlength=counts.size)


@cache
def _fastest_count() -> _Count:
    try:
        from edgeseg.quantize.ranges import histogram_numba
    except ImportError:
        return count
    compiled: _Count = histogram_numba.count
    return compiled
