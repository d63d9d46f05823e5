"""From scores to a class map: the exact sparse upsample-argmax, and a fast plain arg-max.

Upsampling scores bilinearly and taking the arg-max of every pixel needs no dense upsampling. A pixel's scores are a
convex combination, with the same weights for every class, of those at the four corners of its cell, so

* a class that is the arg-max at all four corners is the arg-max of every pixel between them: its score is nowhere
  below another's, and nowhere equal to a lower class's, which it exceeds at every corner. Such a cell is filled;
* in any other cell, a class that one and the same class beats at all four corners (exceeds, or equals as the lower
  class) is the arg-max of no pixel and is left out. The remaining ones are evaluated pixel by pixel.

Where many classes are left in a row's cells, as in noise, it takes less time to evaluate all of them at all its pixels.

Coordinates are fractions with a common denominator, so the weights are whole numbers and the arg-max is taken over
scores times that denominator. For integer scores every product and sum is a whole number that float64 holds exactly
(below 2^53 up to sides of 2^17 pixels), so ties are real ties, and go to the lowest class. For float32 scores the
result is that of the dense computation in float64: classes that differ at a corner differ there by 2^-24 of the larger
score or more, which rounding to 2^-53 cannot undo, so filling and leaving out change nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.types import Layout, Size
from edgeseg.runtimes import classmap_numpy
from edgeseg.runtimes.interpolation import Axis, axis

__all__ = ["argmax_classmap", "upsample_argmax"]


_EXACT = 2**16
"""Up to which sum of weights float32 holds every sum of weighted scores of one byte."""


class _Kernels(Protocol):
    def upsample_argmax(
        self, scores: NDArray[np.float32], leaders: NDArray[np.uint8], rows: Axis, columns: Axis, precision: type
    ) -> NDArray[np.uint8]: ...

    def argmax_planes(self, logits: NDArray[Any]) -> NDArray[np.uint8]: ...

    def argmax_pixels(self, logits: NDArray[Any]) -> NDArray[np.uint8]: ...


@cache
def _kernels() -> _Kernels:
    try:
        from edgeseg.runtimes import classmap_numba
    except ImportError:
        return classmap_numpy
    return classmap_numba


def upsample_argmax(
    scores: NDArray[Any], size: Size, align_corners: bool, layout: Layout = "NCHW"
) -> NDArray[np.uint8]:
    """The arg-max of bilinearly resized scores, up or down: (C, h, w), or (h, w, C) for NHWC, -> (H, W).

    Takes float16, float32 and integers of up to 16 bits, all finite. A tie goes to the lowest class. The convention of
    coordinates is that of `torch.nn.functional.interpolate`.
    """
    last = scores.transpose(1, 2, 0) if layout == "NCHW" else scores
    _check_classes(last.shape[2])
    if not np.can_cast(scores.dtype, np.float32):
        raise InputError(
            f"scores of type {scores.dtype}: the upsampling takes float16, float32, and up to 16-bit integers"
        )
    rows, columns = axis(last.shape[0], size.height, align_corners), axis(last.shape[1], size.width, align_corners)
    precision = np.float32 if scores.itemsize == 1 and rows.total * columns.total <= _EXACT else np.float64
    leaders = argmax_classmap(scores, layout)
    return _kernels().upsample_argmax(last.astype(np.float32, copy=False), leaders, rows, columns, precision)


def argmax_classmap(logits: NDArray[Any], layout: Layout = "NCHW") -> NDArray[np.uint8]:
    """The arg-max of finite logits: (C, H, W), or (H, W, C) for NHWC, -> (H, W). A tie goes to the lowest class."""
    if logits.dtype == np.float16:
        logits = logits.astype(np.float32)
    if layout == "NCHW":
        classes, *size = logits.shape
        _check_classes(classes)
        return _kernels().argmax_planes(logits.reshape(classes, -1)).reshape(size)
    *size, classes = logits.shape
    _check_classes(classes)
    return _kernels().argmax_pixels(logits.reshape(-1, classes)).reshape(size)


def _check_classes(classes: int) -> None:
    if not 1 <= classes <= 256:
        raise InputError(f"{classes} classes: a class map holds 1 to 256")
