"""Channels of a tensor between layers brought to ranges with which its one int8 scale does the least harm.

A factor per channel can move from the layer that writes a tensor to those that read it: w1 / s, b1 / s, w2 * s. What
writes has a weight scale for each of these channels and does not mind. The tensor wants channels of one range, while
what reads it wants weights of one range.

Source: Nagel et al., Data-free quantization through weight equalization and bias correction, ICCV 2019,
https://arxiv.org/abs/1906.04721, section 4.1, which balances the ranges of two kernels of one scale each. Here the
range of the tensor stands in place of the first one's: s = range ** a / weights ** (1 - a), as in Xiao et al.,
SmoothQuant, ICML 2023, https://arxiv.org/abs/2211.10438, equation 4. The exponent is the one of which the least noise
is predicted; a tensor for which no factor at all is as good stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeseg.quantize.channels import Channels
from edgeseg.quantize.layers import Layer, Link, Weights

__all__ = ["equalize"]

_EXPONENTS = (0.25, 0.5, 0.75, 1.0)

_DEAD = 1e-6
"""Of the widest channel's range: one that has no more than this share is left as if it were that wide."""

_TENSOR_STEPS, _WEIGHT_STEPS = 255, 127


def equalize(links: Iterable[Link], channels: Mapping[str, Channels]) -> int:
    """Change the weights of every link where that lowers the predicted noise; returns of how many.

    Args:
        links: A network's, of which the int8 file will have a weight scale for each output channel.
        channels: What was seen of each tensor that it will hold.
    """
    return sum(_equalize(link, channels) for link in links)


def _equalize(link: Link, channels: Mapping[str, Channels]) -> bool:
    held = [channels[name] for name in link.tensors if name in channels]
    extent = np.max([tensor.extent for tensor in held], axis=0)
    extent = np.where(extent > _DEAD * extent.max(), extent, extent.max())
    if not extent.max():
        return False
    readers = [_Reader(layer.weights(), channels[link.tensors[-1]].mean_square) for layer in link.readers]
    weight = np.max([reader.weight_ranges(len(extent)) for reader in readers], axis=0)
    weight = np.where(weight > 0, weight, 1)
    candidates = [np.ones_like(extent), *(extent**a / weight ** (1 - a) for a in _EXPONENTS)]
    noises = [sum(reader.noise(extent, factors) for reader in readers) for factors in candidates]
    best = int(np.argmin(noises))
    if best:
        factors = candidates[best] * (extent / candidates[best]).max() / extent.max()
        _move(link.first, link.readers, factors)
    return best > 0


def _move(first: Layer, readers: Iterable[Layer], factors: NDArray[np.float64]) -> None:
    given = first.weights()
    first.put(replace(given, kernel=given.kernel / factors[:, None, None], bias=given.bias / factors))
    for layer in readers:
        taken = layer.weights()
        layer.put(replace(taken, kernel=taken.kernel * factors[taken.reads][:, :, None]))


class _Reader:
    """A layer and what comes in, from which its noise in int8 follows. Rounding errors count as uniform."""

    def __init__(self, weights: Weights, mean_square: NDArray[np.float64]) -> None:
        self._reads = weights.reads
        self._peaks = np.abs(weights.kernel).max(axis=2).astype(np.float64)
        self._powers = np.square(weights.kernel, dtype=np.float64).sum(axis=2)
        self._taps = weights.kernel.shape[2]
        self._mean_square = mean_square[self._reads]
        signal = (self._powers * self._mean_square).sum(axis=1)
        self._signal = np.where(signal > 0, signal, np.inf)

    def weight_ranges(self, inputs: int) -> NDArray[np.float64]:
        """Of the weights that read each input channel, as a share of the output's largest."""
        widest = self._peaks.max(axis=1, keepdims=True)
        shares = self._peaks / np.where(widest > 0, widest, 1)
        ranges = np.zeros(inputs)
        np.maximum.at(ranges, self._reads, shares)
        return ranges

    def noise(self, extent: NDArray[np.float64], factors: NDArray[np.float64]) -> float:
        """Mean over the outputs of noise to signal, the tensor's and the weights' rounding taken together."""
        step = (extent / factors).max() / _TENSOR_STEPS
        own = factors[self._reads]
        weight_steps = (self._peaks * own).max(axis=1) / _WEIGHT_STEPS
        tensor = (self._powers * own**2).sum(axis=1) * step**2
        weights = (self._mean_square / own**2).sum(axis=1) * self._taps * weight_steps**2
        return float(((tensor + weights) / 12 / self._signal).mean())
