"""What is remembered of the inputs of a layer's products while calibration images stream by: how they vary together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.quantize.weights.layers import Layer

__all__ = ["Moments"]

_PLACES = 1024
"""Of an image that are looked at; neighbours are much alike."""


class Moments:
    """Of one layer: the mean and the covariance of what one output is made of, group by group."""

    def __init__(self, layer: Layer) -> None:
        weights = layer.weights()
        self._layer, self._groups = layer, weights.groups
        width = weights.kernel[0].size
        self._offset: NDArray[np.float32] = np.zeros((self._groups, 1, width), np.float32)
        self._sum: NDArray[np.float64] = np.zeros((self._groups, width))
        self._products: NDArray[np.float64] = np.zeros((self._groups, width, width))
        self._places = 0
        self._random = np.random.default_rng(0)

    def add(self, values: NDArray[Any]) -> None:
        """Take in the tensor that the layer reads, as it is for one image."""
        last = np.moveaxis(values, self._layer.axis, -1)
        image = last if last.ndim == 4 else last.reshape(-1, 1, 1, last.shape[-1])
        found = self._layer.window.patches(image, _PLACES, self._random)
        places, taps, channels = found.shape
        grouped = found.reshape(places, taps, self._groups, channels // self._groups).transpose(2, 0, 3, 1)
        patches = np.array(grouped.reshape(self._groups, places, -1), np.float32)
        if not self._places:  # Sums of squares about the first mean keep what a large mean would swallow.
            self._offset = patches.mean(axis=1, keepdims=True)
        patches -= self._offset
        self._sum += patches.sum(axis=1, dtype=np.float64)
        self._products += patches.transpose(0, 2, 1) @ patches
        self._places += places

    @property
    def seen(self) -> bool:
        """Whether there was anything to take in."""
        return self._places > 0

    @property
    def mean(self) -> NDArray[np.float64]:
        """(groups, inputs / groups * taps), in the order of a kernel's columns."""
        return self._offset[:, 0] + self._sum / self._places

    @property
    def covariance(self) -> NDArray[np.float64]:
        """(groups, inputs / groups * taps, inputs / groups * taps)."""
        mean = self._sum / self._places
        found: NDArray[np.float64] = self._products / self._places - mean[:, :, None] * mean[:, None, :]
        return found
