"""What a network still makes of its scores where a file ends at them: a bilinear upsample, a softmax, or both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.types import Size
from edgeseg.exporters.program import Upsample

__all__ = ["completed"]


def completed(scores: NDArray[Any], size: Size, upsample: Upsample | None, softmax: str | None) -> NDArray[Any]:
    """(N, h, w, classes) -> what the network itself gives, (N, size.height, size.width, classes).

    Args:
        scores: As a file gives them.
        size: Of the image.
        upsample: To that size.
        softmax: `softmax` or `log_softmax`.
    """
    whole = scores.astype(np.float32)
    if upsample:
        rows, columns = (
            _weights(given, side, upsample.align_corners)
            for given, side in zip(scores.shape[1:3], (size.height, size.width), strict=True)
        )
        count, height, width, classes = whole.shape
        whole = columns @ (rows @ whole.reshape(count, height, -1)).reshape(count, -1, width, classes)
    if softmax is None:
        return whole
    shifted = whole - whole.max(-1, keepdims=True)
    total = np.exp(shifted).sum(-1, keepdims=True)
    result: NDArray[Any] = np.exp(shifted) / total if softmax == "softmax" else shifted - np.log(total)
    return result


def _weights(given: int, size: int, align_corners: bool) -> NDArray[np.float32]:
    """(size, given): the share of each pixel in each of the larger side."""
    if align_corners:
        at = np.arange(size) * ((given - 1) / max(size - 1, 1))
    else:
        at = ((np.arange(size) + 0.5) * given / size - 0.5).clip(0, given - 1)
    first = np.minimum(at.astype(int), max(given - 2, 0))
    found = np.zeros((size, given), np.float32)
    found[np.arange(size), first] = 1 - (at - first)
    found[np.arange(size), np.minimum(first + 1, given - 1)] += at - first
    return found
