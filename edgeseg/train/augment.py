"""Random flip, scale, crop and colour change, in numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.protocols import IGNORE
from edgeseg.train.options import TrainOptions

__all__ = ["augment"]


def augment(
    image: NDArray[np.uint8], label: NDArray[np.uint8], options: TrainOptions, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """(H, W, 3) and (H, W) -> the crop's size; the image in 0 to 255, labels beyond the image's edge 255.

    Scale and crop are one step: only pixels that the crop needs are computed, images bilinearly, labels by the
    nearest pixel.
    """
    scale = np.exp(rng.uniform(np.log(options.min_scale), np.log(options.max_scale)))
    ys = _positions(options.crop.height, image.shape[0], scale, rng)
    xs = _positions(options.crop.width, image.shape[1], scale, rng)
    if rng.random() < 0.5:
        xs = xs[::-1]
    return _recolour(_bilinear(image, ys, xs), options.jitter, rng), _nearest(label, ys, xs)


def _positions(wanted: int, given: int, scale: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Where along one axis of the image the crop's pixel centres lie, in pixels."""
    room = given - wanted / scale
    start = rng.uniform(min(room, 0.0), max(room, 0.0))
    return np.asarray((np.arange(wanted) + 0.5) / scale + start - 0.5, np.float64)


def _bilinear(image: NDArray[np.uint8], ys: NDArray[np.float64], xs: NDArray[np.float64]) -> NDArray[np.float32]:
    low_y, high_y, part_y = _neighbours(ys, image.shape[0])
    low_x, high_x, part_x = _neighbours(xs, image.shape[1])
    upper, lower = image[low_y].astype(np.float32), image[high_y].astype(np.float32)
    rows = upper + (lower - upper) * part_y[:, None, None]
    left, right = rows[:, low_x], rows[:, high_x]
    return np.asarray(left + (right - left) * part_x[None, :, None], np.float32)


def _neighbours(at: NDArray[np.float64], count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    inside = np.clip(at, 0, count - 1)
    low = np.floor(inside).astype(np.intp)
    return low, np.minimum(low + 1, count - 1), (inside - low).astype(np.float32)


def _nearest(label: NDArray[np.uint8], ys: NDArray[np.float64], xs: NDArray[np.float64]) -> NDArray[np.uint8]:
    rows, columns = np.rint(ys).astype(np.intp), np.rint(xs).astype(np.intp)
    height, width = label.shape
    taken = label[np.clip(rows, 0, height - 1)][:, np.clip(columns, 0, width - 1)]
    taken[(rows < 0) | (rows >= height)] = IGNORE
    taken[:, (columns < 0) | (columns >= width)] = IGNORE
    return taken


def _recolour(image: NDArray[np.float32], jitter: float, rng: np.random.Generator) -> NDArray[np.float32]:
    contrast = 1 + jitter * rng.uniform(-1, 1)
    brightness = 128 * jitter * rng.uniform(-1, 1)
    tint = 1 + 0.25 * jitter * rng.uniform(-1, 1, 3)
    gain = (contrast * tint).astype(np.float32)
    shift = np.float32(128 * (1 - contrast) + brightness)
    return np.asarray(np.clip(image * gain + shift, 0, 255), np.float32)
