"""Which inputs a convolution multiplies by its kernel, and the patches of a tensor that this makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Window", "same_padding"]

_Pair: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Of a convolution, each as (of rows, of columns); `padding` is (before, behind) of both. A product's is 1x1."""

    taps: _Pair = (1, 1)
    strides: _Pair = (1, 1)
    dilations: _Pair = (1, 1)
    padding: tuple[_Pair, _Pair] = ((0, 0), (0, 0))

    def patches(self, values: NDArray[Any], count: int, random: np.random.Generator) -> NDArray[Any]:
        """What the kernel sees at `count` places drawn at random, or at every place where there are no more.

        (N, H, W, channels) -> (places, taps, channels), the taps row by row.
        """
        rows, columns = (self._reads(axis, values.shape[1 + axis]) for axis in range(2))
        places = len(values) * len(rows) * len(columns)
        drawn = random.integers(places, size=count) if places > count else np.arange(places)
        image, row, column = np.unravel_index(drawn, (len(values), len(rows), len(columns)))
        padded = np.pad(values, ((0, 0), *self.padding, (0, 0)))
        found: NDArray[Any] = padded[image[:, None, None], rows[row][:, :, None], columns[column][:, None, :]]
        return found.reshape(len(drawn), -1, values.shape[-1])

    def _reads(self, axis: int, side: int) -> NDArray[np.int64]:
        """(places, taps): indices along an axis of the padded tensor."""
        taps, stride, dilation = self.taps[axis], self.strides[axis], self.dilations[axis]
        last = side + sum(self.padding[axis]) - (taps - 1) * dilation
        return np.arange(0, last, stride)[:, None] + np.arange(taps) * dilation


def same_padding(sides: Sequence[int], window: Window, more_before: bool = False) -> Window:
    """The window with the padding that keeps a side's length, over its stride; an odd pixel goes behind."""

    def of(axis: int) -> _Pair:
        side, stride = sides[axis], window.strides[axis]
        total = max((-(-side // stride) - 1) * stride + (window.taps[axis] - 1) * window.dilations[axis] + 1 - side, 0)
        before = (total + more_before) // 2
        return before, total - before

    return Window(window.taps, window.strides, window.dilations, (of(0), of(1)))
