"""The joint histogram of two byte arrays, compiled once and cached."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["joint_histogram"]


@njit(cache=True, nogil=True)
def joint_histogram(label: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count pairs: two flat (pixels,) arrays -> (256, 256), rows by label.

    Neighbouring pixels are mostly of one class, and adding to one cell twice in a row stalls on the first store: four
    pixels at a time go to four tables.
    """
    tables = np.zeros((4, 65536), np.int64)
    whole = label.size & ~3
    for i in range(0, whole, 4):
        for lane in range(4):
            tables[lane, np.uint32(label[i + lane]) << 8 | np.uint32(prediction[i + lane])] += 1
    for i in range(whole, label.size):
        tables[0, np.uint32(label[i]) << 8 | np.uint32(prediction[i])] += 1
    total: NDArray[np.int64] = tables.sum(axis=0).reshape(256, 256)
    return total
