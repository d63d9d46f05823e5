"""The joint histogram of two byte arrays, compiled once and cached."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from edgeseg.core.compiling import compiled_by

__all__ = ["joint_histogram"]

_ONES = np.uint64(0x0101010101010101)


@compiled_by(njit)
def joint_histogram(label: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count pairs: two contiguous (pixels,) arrays -> (256, 256), rows by label.

    Neighbouring pixels are mostly of one class: eight that are alike in both are counted at once. Of others, adding to
    one cell twice in a row stalls on the first store, so pixels take turns between two tables.
    """
    tables = np.zeros((2, 65536), np.int64)
    words = label.size >> 3
    labels, predictions = label[: 8 * words].view(np.uint64), prediction[: 8 * words].view(np.uint64)
    for word in range(words):
        one, other = labels[word] & np.uint64(255), predictions[word] & np.uint64(255)
        if labels[word] == one * _ONES and predictions[word] == other * _ONES:
            tables[0, one << np.uint64(8) | other] += 8
        else:
            for i in range(8 * word, 8 * word + 8, 2):
                tables[0, np.uint32(label[i]) << 8 | np.uint32(prediction[i])] += 1
                tables[1, np.uint32(label[i + 1]) << 8 | np.uint32(prediction[i + 1])] += 1
    for i in range(8 * words, label.size):
        tables[0, np.uint32(label[i]) << 8 | np.uint32(prediction[i])] += 1
    total: NDArray[np.int64] = (tables[0] + tables[1]).reshape(256, 256)
    return total
