"""The histogram's loop, compiled by numba once and kept on disk."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from edgeseg.core.compiling import compiled_by

__all__ = ["count"]


@compiled_by(njit)
def count(values: NDArray[np.float32], scale: float, counts: NDArray[np.int64]) -> None:
    """See `edgeseg.quantize.ranges.observers.count`.

    Half of a ReLU's values are zero, and adding to one bin twice in a row stalls on the first store: four values at a
    time go to four tables. Unsigned indices spare the test for counting from the end.
    """
    factor = np.float32(scale)
    middle = counts.size // 2
    tables = np.zeros((4, counts.size), np.uint32)
    whole = values.size & ~3
    for i in range(0, whole, 4):
        for lane in range(4):
            tables[lane, np.uintp(np.int32(np.floor(values[i + lane] * factor)) + middle)] += np.uint32(1)
    for i in range(whole, values.size):
        tables[0, np.uintp(np.int32(np.floor(values[i] * factor)) + middle)] += np.uint32(1)
    for lane in range(4):
        for i in range(counts.size):
            counts[i] += tables[lane, i]
