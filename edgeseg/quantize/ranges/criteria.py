"""How a range is chosen from a tensor's histogram.

A criterion takes the counts of 2 * BINS bins around zero, their width, and the extreme values (low, high); it gives
the range (low, high), which holds zero. The bin at zero counts for nothing in an error: a quantized tensor holds zero
exactly, and half of a ReLU's values are zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Criterion", "Range", "entropy", "mse", "percentile"]

_Counts: TypeAlias = NDArray[np.int64]
Range: TypeAlias = tuple[float, float]
Criterion: TypeAlias = Callable[[_Counts, float, Range], Range]

_LEVELS = 256
_CANDIDATES = 96
_LEAST = 0.05
"""Share of the whole range that the narrowest candidate covers."""


def percentile(percent: float) -> Criterion:
    """All but the share of values beyond a percentile at either end, exact to one bin."""

    def choose(counts: _Counts, width: float, extremes: Range) -> Range:
        middle = counts.size // 2
        cut = counts.sum() * (1 - percent / 100)
        first = int(np.searchsorted(np.cumsum(counts), cut, side="right"))
        last = counts.size - 1 - int(np.searchsorted(np.cumsum(counts[::-1]), cut, side="right"))
        low, high = (first - middle) * width, (last + 1 - middle) * width
        return min(0.0, max(low, extremes[0])), max(0.0, min(high, extremes[1]))

    return choose


def mse(slope: float = 1.0, bits: int = 8) -> Criterion:
    """The least mean squared error: what is cut off against the steps' width, which rounds evenly.

    Where only a leaky rectifier of this slope reads the tensor, an error of a negative value is so much smaller behind.

    Source: Banner et al., Post training 4-bit quantization, NeurIPS 2019, https://arxiv.org/abs/1810.05723, without
    its assumption of a distribution.
    """

    def choose(counts: _Counts, width: float, extremes: Range) -> Range:
        middle = counts.size // 2
        lows, highs = (_shrunk(side) for side in extremes)
        below, above = _cut_off(counts, width, -lows, -1), _cut_off(counts, width, highs, 1)
        step = (highs[None] - lows[:, None]) / (2**bits - 1)
        rounded = slope**2 * counts[:middle].sum() + counts[middle + 1 :].sum()
        error = slope**2 * below[:, None] + above[None] + rounded * step**2 / 12
        low, high = np.unravel_index(np.argmin(error), error.shape)
        return float(lows[low]), float(highs[high])

    return choose


def entropy(counts: _Counts, width: float, extremes: Range) -> Range:
    """The least Kullback-Leibler divergence of the quantized values' distribution from the true one.

    Source: Migacz, 8-bit inference with TensorRT, GPU Technology Conference 2017. Both ends are cut at the same
    distance from zero.
    """
    middle = counts.size // 2
    values = counts.astype(np.float64)
    values[middle] = 0
    best, chosen = np.inf, extremes
    for end in _shrunk(max(-extremes[0], extremes[1])):
        low, high = max(extremes[0], -end), min(extremes[1], end)
        first, last = middle + int(np.floor(low / width)), middle + int(np.ceil(high / width))
        divergence = _divergence(values, first, max(last, first + 1))
        if divergence < best:
            best, chosen = divergence, (float(low), float(high))
    return chosen


def _shrunk(side: float) -> NDArray[np.float64]:
    """Candidates for one end of the range, the widest first, so that it is chosen among equals."""
    return side * np.linspace(1.0, _LEAST, _CANDIDATES)


def _cut_off(counts: _Counts, width: float, ends: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Sum of squared distances from each of `ends` of the values beyond it, on one side of zero."""
    middle = counts.size // 2
    tail = counts[middle:] if side > 0 else counts[middle - 1 :: -1]
    centres = (np.arange(middle) + 0.5) * width
    sums = [np.append(np.cumsum((tail * centres**power)[::-1])[::-1], 0.0) for power in (0, 1, 2)]
    first = np.searchsorted(centres, ends, side="right")
    zeroth, mean, square = (each[first] for each in sums)
    error: NDArray[np.float64] = square - 2 * ends * mean + ends**2 * zeroth
    return error


def _divergence(values: NDArray[np.float64], first: int, last: int) -> float:
    """Of bins [first, last) in _LEVELS levels, what lies beyond being counted into the outermost bins."""
    inside = values[first:last]
    true = inside.copy()
    true[0] += values[:first].sum()
    true[-1] += values[last:].sum()
    levels = np.arange(inside.size) * _LEVELS // inside.size
    occupied = inside > 0
    share = np.bincount(levels, inside) / np.maximum(np.bincount(levels, occupied), 1)
    found = np.where(occupied, share[levels], 0.0)
    if not (total := true.sum()):
        return 0.0
    if not found.sum():
        return np.inf
    p, q = true / total, found / found.sum()
    where = p > 0
    return float((p[where] * np.log(p[where] / np.maximum(q[where], 1e-12))).sum())
