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

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edgeseg.quantize.ranges.channels import Channels
from edgeseg.quantize.weights.layers import Network, Weights

__all__ = ["equalize"]

_EXPONENTS = (0.25, 0.5, 0.75, 1.0)

_DEAD = 1e-6
"""Of the widest channel's range: one that has no more than this share is left as if it were that wide."""

_TENSOR_STEPS, _WEIGHT_STEPS = 255, 127

_Floats = NDArray[np.float64]
_Units = NDArray[np.int64]


def equalize(network: Network, channels: Mapping[str, Channels]) -> int:
    """Change the weights wherever that lowers the predicted noise; returns of how many tensors.

    Args:
        network: Of which the int8 file will have a weight scale for each output channel.
        channels: What was seen of each tensor that it will hold.
    """
    held = {name: network.units[name] for name in channels if network.units.get(name, np.zeros(1)).any()}
    readers = [
        _Reader(layer.weights(), layer.given, channels[layer.given].mean_square)
        for layer in network.layers
        if layer.given in held
    ]
    factors, changed = np.ones(network.count), 0
    for names in _together(held):
        tensors = {name: channels[name].extent for name in names}
        found = _best(
            {name: held[name] for name in names},
            tensors,
            [each for each in readers if each.given in names],
            len(factors),
        )
        if found is not None:
            units = np.unique(np.concatenate([held[name] for name in names]))
            factors[units[units > 0]] = found[units[units > 0]]
            changed += len(names)
    network.rescale(factors)
    return changed


def _together(held: Mapping[str, _Units]) -> list[set[str]]:
    """Tensors that have units in common, directly or by way of others."""
    groups: list[tuple[set[str], set[int]]] = []
    for name, units in held.items():
        names, numbers = {name}, set(units[units > 0].tolist())
        apart = []
        for group in groups:
            if group[1] & numbers:
                names, numbers = names | group[0], numbers | group[1]
            else:
                apart.append(group)
        groups = [*apart, (names, numbers)]
    return [names for names, _ in groups]


def _best(
    units: Mapping[str, _Units], extents: Mapping[str, _Floats], readers: list[_Reader], count: int
) -> _Floats | None:
    """The factors of which the least noise is predicted; None where that is no factor at all."""
    share, weight = np.zeros(count), np.zeros(count)
    for name, extent in extents.items():
        np.maximum.at(share, units[name], extent / (extent.max() or 1))
    for reader in readers:
        np.maximum.at(weight, units[reader.given], reader.weight_ranges(len(units[reader.given])))
    share = np.where(share > _DEAD, share, 1)
    weight = np.where(weight > 0, weight, 1)
    candidates = [np.ones(count)]
    for exponent in _EXPONENTS:
        factors = share**exponent / weight ** (1 - exponent)
        widest = max((share[units[name]] / factors[units[name]])[units[name] > 0].max() for name in extents)
        for width in {1.0, float(share[0])}:  # As the widest was, or as those beside them that keep their unit.
            candidates.append(factors * (widest / width))
            candidates[-1][0] = 1
    noises = [
        sum(reader.noise(extents[reader.given], factors[units[reader.given]]) for reader in readers)
        for factors in candidates
    ]
    best = int(np.argmin(noises))
    return candidates[best] if best else None


class _Reader:
    """A layer and what comes in, from which its noise in int8 follows. Rounding errors count as uniform."""

    def __init__(self, weights: Weights, given: str, mean_square: NDArray[np.float64]) -> None:
        self.given = given
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
