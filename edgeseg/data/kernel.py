"""The per-pixel loops of preprocessing, compiled by numba once and kept on disk."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from edgeseg.core.compiling import compiled_by

__all__ = ["normalize", "quantize"]


@compiled_by(njit)
def normalize(image: NDArray[np.uint8], table: NDArray[Any], planes: NDArray[Any]) -> None:
    """(H, W, 3) uint8 through (3, 256) into (3, H, W), in one pass over the image."""
    height, width, _ = image.shape
    for y in range(height):
        for x in range(width):
            planes[0, y, x] = table[0, image[y, x, 0]]
            planes[1, y, x] = table[1, image[y, x, 1]]
            planes[2, y, x] = table[2, image[y, x, 2]]


@compiled_by(njit)
def quantize(
    image: NDArray[np.uint8],
    factors: NDArray[np.float32],
    shifts: NDArray[np.float32],
    flipped: np.uint8,
    out: NDArray[np.uint8],
) -> None:
    """Rows (H, n) -> (H, n): byte * factor + shift, held within a byte and cut off, then with these bits flipped.

    Neighbours are computed alike, which the compiler puts into vectors; a table is looked up byte by byte.
    """
    height, count = image.shape
    for y in range(height):
        for i in range(count):
            value = np.float32(image[y, i]) * factors[i] + shifts[i]
            value = min(max(value, np.float32(0)), np.float32(255))
            out[y, i] = np.uint8(np.int32(value)) ^ flipped
