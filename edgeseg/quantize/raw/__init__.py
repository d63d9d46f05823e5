"""Camera bytes as the input of a quantized file, with mean and std folded into its first convolutions.

A network takes z = (x / 255 - mean) / std of the bytes x. In the float file its first convolutions are made to take
v = x - 255 mean instead, by weights w / (255 std): exactly the same function of z = v / (255 std), zero padding
included, since a scale keeps zero where it is (`fold_onnx.py`, `fold_tflite.py`). What reads the image in any other way
gets it from a convolution of 1x1 that normalizes.

In the quantized file the integers of v become the bytes x themselves (`bytes_onnx.py`, `bytes_tflite.py`): its scale is
1, and its zero point p one whole byte for all channels. What lies between p and 255 mean of a channel goes into the
bias, as the sum of the quantized weights by it; so within the image a byte is not rounded at all, and the bias to one
step of its 32 bits. Outside of the image convolutions would pad with p: a ring of 255 mean takes the place of that
padding. A ring holds bytes, so there, and only there, z is off by up to 0.5 / (255 std), 0.009 with ImageNet's, as
every pixel is that is quantized after it was normalized.

A first convolution that stays in float gets v in float: the bytes less 255 mean.

Who pads the image, in this order:

1. In the float file whoever did: convolutions, or in TFLite a PAD before them (`fold_tflite.stems_of`), with the zeros
   of v. For `edgetpu`, which has no rings, those that pad read the normalized image instead.
2. In ONNX `integers_onnx/stem.py`, which fills rows up to whole cells, with p; `bytes_onnx._lengthen` then makes that
   255 mean.
3. `_ring` of both `bytes_*.py`, for all that is left: constants of 255 mean around the image, and no padding.
4. In TFLite `tflite_passes/stem.py`, behind the rings, so that what its cells add is never part of a result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from edgeseg.core.types import Normalization

__all__ = ["CENTRED", "byte_range", "centre", "mean_pixel", "off_centre", "ring_pixel"]

CENTRED = "centred_bytes"
"""Name of v in a graph."""


def centre(normalization: Normalization) -> int:
    """p, the byte nearest to the mean pixel, which stands for 0 of v."""
    return round(255 * float(np.mean(normalization.mean)))


def byte_range(normalization: Normalization) -> tuple[float, float]:
    """Range of v that has a scale of 1 and a whole zero point."""
    return -float(centre(normalization)), 255.0 - centre(normalization)


def mean_pixel(normalization: Normalization) -> NDArray[np.float64]:
    """255 mean (3,), for which v and z are 0."""
    return 255 * np.array(normalization.mean)


def off_centre(normalization: Normalization) -> NDArray[np.float64]:
    """The difference p - 255 mean (3,), which x - p lacks to be v."""
    return centre(normalization) - mean_pixel(normalization)


def ring_pixel(normalization: Normalization, dtype: DTypeLike) -> NDArray[Any]:
    """255 mean (3,) as bytes or, in int8, as those less 128."""
    signed = 128 if dtype == np.int8 else 0
    return (np.rint(mean_pixel(normalization)) - signed).astype(dtype)
