"""The sums over channels, compiled by numba once and kept on disk."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from edgeseg.core.compiling import compiled_by

__all__ = ["sums"]

_LANES = 128
"""Values side by side that are summed each for itself: enough for the widest registers, few enough for the cache."""

_ROWS = 64
"""Values of a lane that are summed in float32, before that goes to a sum in float64."""


@compiled_by(njit)
def sums(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """See `edgeseg.quantize.ranges.channels.sums`."""
    outer, channels, inner = image.shape
    found = np.zeros((3, channels))
    if inner == 1:
        _add(image.reshape(-1), channels, found)
        return found
    for i in range(outer):
        for channel in range(channels):
            _add(image[i, channel], 1, found[:, channel : channel + 1])
    return found


@compiled_by(njit)
def _add(flat: NDArray[np.float32], channels: int, found: NDArray[np.float64]) -> None:
    """Take in values whose channels take turns: some rows of lanes, and what is left as one row more."""
    lanes = channels * max(1, _LANES // channels)
    whole = flat.size // lanes * lanes
    _add_rows(flat[:whole].reshape(-1, lanes), channels, found)
    _add_rows(flat[whole:].reshape(1, -1), channels, found)


@compiled_by(njit)
def _add_rows(rows: NDArray[np.float32], channels: int, found: NDArray[np.float64]) -> None:
    count, lanes = rows.shape
    extent, total, squares = np.zeros((3, lanes), np.float32)
    for start in range(0, count, _ROWS):
        total[:] = 0
        squares[:] = 0
        for i in range(start, min(start + _ROWS, count)):
            for lane in range(lanes):
                value = rows[i, lane]
                size = abs(value)
                extent[lane] = size if size > extent[lane] else extent[lane]
                total[lane] += value
                squares[lane] += value * value
        for lane in range(lanes):
            found[0, lane % channels] += total[lane]
            found[1, lane % channels] += squares[lane]
    for lane in range(lanes):
        found[2, lane % channels] = max(found[2, lane % channels], extent[lane])
