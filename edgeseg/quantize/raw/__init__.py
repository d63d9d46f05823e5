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
"""

from __future__ import annotations

import numpy as np

from edgeseg.core.types import Normalization

__all__ = ["CENTRED", "byte_range", "centre"]

CENTRED = "centred_bytes"
"""Name of v in a graph."""


def centre(normalization: Normalization) -> int:
    """p, the byte nearest to the mean pixel, which stands for 0 of v."""
    return round(255 * float(np.mean(normalization.mean)))


def byte_range(normalization: Normalization) -> tuple[float, float]:
    """Range of v that has a scale of 1 and a whole zero point."""
    return -float(centre(normalization)), 255.0 - centre(normalization)
