"""The kernel of a first convolution over cells of neighbouring pixels; what for is told in `integers_onnx/stem.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cell_kernel"]


def cell_kernel(kernel: NDArray[Any], stride: int, pad: int, pixels: int) -> tuple[NDArray[Any], int, int]:
    """A kernel over pixels as one over cells of so many neighbours in a row, with the cells to pad left and right.

    (N, 3, rows, columns) -> (pixels / stride * N, 3 * pixels, rows, cells).
    """
    outputs, _, rows, columns = kernel.shape
    places = [[shift * stride - pad + column for column in range(columns)] for shift in range(pixels // stride)]
    first, last = min(map(min, places)) // pixels, max(map(max, places)) // pixels
    cells = np.zeros((len(places), outputs, pixels, 3, rows, last - first + 1), kernel.dtype)
    for shift, row in enumerate(places):
        for column, place in enumerate(row):
            cell, pixel = divmod(place, pixels)
            cells[shift, :, pixel, :, :, cell - first] = kernel[..., column]
    return cells.reshape(len(places) * outputs, 3 * pixels, rows, last - first + 1), -first, last
