"""From a decoded image to what a network takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeseg.core import registry
from edgeseg.core.errors import InputError
from edgeseg.core.types import InputFacts, Size

__all__ = ["Preprocessor", "resize_image"]

_Normalize: TypeAlias = Callable[[NDArray[np.uint8], NDArray[Any], NDArray[Any]], None]
_Quantize: TypeAlias = Callable[[NDArray[np.uint8], NDArray[np.uint8]], None]
"""Rows of bytes (H, n) into others."""
_DTYPES = ("float32", "uint8", "int8")


class Preprocessor:
    """Turns an image into a batch of one in the layout and dtype that a file declares.

    float32 is (rgb / 255 - mean) / std per channel, looked up in a table of 256 values, and an integer dtype with a
    scale is that value quantized. Without a scale uint8 is RGB as it is and int8 is RGB - 128. The channels end in the
    normalization's order. An image of another size is resized bilinearly, which needs Pillow.
    """

    def __init__(self, facts: InputFacts) -> None:
        if facts.dtype not in _DTYPES:
            raise InputError(f"input of dtype {facts.dtype}: images can be given as {', '.join(_DTYPES)}")
        self.facts = facts
        self._table = _table(facts)
        bytes_in_place = facts.dtype == "uint8" and facts.layout == "NHWC" and facts.normalization.order == "RGB"
        self._is_image = self._table is None and bytes_in_place
        self._quantize = None if self._table is None else _quantize(facts, self._table)

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[Any]:
        """(H, W, 3) uint8 RGB -> (1, 3, h, w) or (1, h, w, 3); bytes that are to stay as they are come uncopied."""
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise InputError(f"image of shape {image.shape} and dtype {image.dtype}: expected (H, W, 3) uint8 RGB")
        image = resize_image(image, self.facts.size)
        if self._is_image:
            return np.ascontiguousarray(image)[None]
        out = np.empty((1, *self.facts.shape[1:]), self.facts.dtype)
        if self._quantize is not None:
            rows = len(image), -1
            self._quantize(np.ascontiguousarray(image).reshape(rows), out.view(np.uint8).reshape(rows))
            return out
        planes = out[0] if self.facts.layout == "NCHW" else out[0].transpose(2, 0, 1)
        if self.facts.normalization.order == "BGR":
            planes = planes[::-1]
        if self._table is not None:
            normalize_kernel()(np.ascontiguousarray(image), self._table, planes)
        elif self.facts.dtype == "int8":
            planes[...] = (image ^ np.uint8(128)).view(np.int8).transpose(2, 0, 1)
        else:
            planes[...] = image.transpose(2, 0, 1)
        return out


def _table(facts: InputFacts) -> NDArray[Any] | None:
    """(3, 256): every value that a channel's byte can become; None where it stays what it is."""
    if facts.dtype != "float32" and facts.scale is None:
        return None
    mean, std = np.array(facts.normalization.mean)[:, None], np.array(facts.normalization.std)[:, None]
    table: NDArray[np.float32] = ((np.arange(256) / 255 - mean) / std).astype(np.float32)
    if facts.scale is None:
        return table
    limits = np.iinfo(facts.dtype)
    steps = np.rint(table / np.float32(facts.scale)) + facts.zero_point
    integers: NDArray[Any] = steps.clip(limits.min, limits.max).astype(facts.dtype)
    return integers


def _quantize(facts: InputFacts, table: NDArray[Any]) -> _Quantize | None:
    """What gives a table's integers without looking them up; None where there is no numba, or it would not give them.

    They lie on a line for each channel, but for rounding: all 256 bytes are tried.
    """
    if facts.scale is None or facts.layout != "NHWC" or facts.normalization.order != "RGB":
        return None
    try:
        from edgeseg.data.kernel import quantize
    except ImportError:
        return None
    limits, mean, std = np.iinfo(facts.dtype), np.array(facts.normalization.mean), np.array(facts.normalization.std)
    factors = 1 / (255 * std * facts.scale)
    shifts = facts.zero_point - limits.min + 0.5 - mean / (std * facts.scale)
    flipped = np.uint8(limits.min & 128)

    def along(width: int) -> _Quantize:
        factor, shift = (np.tile(each, width).astype(np.float32) for each in (factors, shifts))
        return lambda rows, out: quantize(rows, factor, shift, flipped, out)

    every = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    found = np.empty_like(every)
    along(1)(every, found)
    return along(facts.size.width) if np.array_equal(found.T, table.view(np.uint8)) else None


def resize_image(image: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """(H, W, 3) -> (size.height, size.width, 3), bilinear; one of that size is given back as it is.

    Raises MissingDependency where Pillow is needed and not installed.
    """
    if image.shape[:2] == (size.height, size.width):
        return image
    why = f"resizing an image from {image.shape[0]}x{image.shape[1]} to {size}"
    images = registry.load("edgeseg.data", "images", package="pillow", extra="images", why=why)
    resized: NDArray[np.uint8] = images.resize_image(image, size)
    return resized


def normalize_numpy(image: NDArray[np.uint8], table: NDArray[Any], planes: NDArray[Any]) -> None:
    """(H, W, 3) uint8 through (3, 256) into (3, H, W)."""
    for channel in range(3):
        planes[channel] = table[channel].take(image[:, :, channel])


@cache
def normalize_kernel() -> _Normalize:
    """The compiled kernel where numba is installed, else numpy; both give the same bits."""
    try:
        from edgeseg.data.kernel import normalize
    except ImportError:
        return normalize_numpy
    compiled: _Normalize = normalize
    return compiled
