"""The kernel of a first convolution over cells of four pixels; what for is told in `integers_onnx/stem.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PIXELS", "cell_kernel"]

PIXELS = 4
"""Of a cell."""


def cell_kernel(kernel: NDArray[Any], stride: int, pad: int) -> tuple[NDArray[Any], int, int]:
    """(N, 3, rows, columns) over pixels -> (4 / stride * N, 12, rows, cells), with the cells to pad left and right."""
    outputs, _, rows, columns = kernel.shape
    places = [[shift * stride - pad + column for column in range(columns)] for shift in range(PIXELS // stride)]
    first, last = min(map(min, places)) // PIXELS, max(map(max, places)) // PIXELS
    cells = np.zeros((len(places), outputs, PIXELS, 3, rows, last - first + 1), kernel.dtype)
    for shift, row in enumerate(places):
        for column, place in enumerate(row):
            cell, pixel = divmod(place, PIXELS)
            cells[shift, :, pixel, :, :, cell - first] = kernel[..., column]
    return cells.reshape(len(places) * outputs, 3 * PIXELS, rows, last - first + 1), -first, last
