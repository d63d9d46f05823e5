"""Biases that an int8 file cannot hold, because the weights of their channel are next to nothing.

A bias is stored in 32 bits, in steps of its input's scale times its channel's weight scale. A channel that was pruned
has hardly any weight scale, and what it always gives, its bias, would overflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgeseg.quantize.weights.layers import STEPS, Network

__all__ = ["hold_biases"]

_MOST_STEPS = 2e9
"""Of a bias, on either side of zero; ai-edge-quantizer keeps it in 32 bits with activations of 16 bits too."""
_LEVELS = {8: 255, 16: 32767}
"""From zero to the end of a tensor's range, or more."""


def hold_biases(network: Network, ranges: Mapping[str, tuple[float, float]], bits: int) -> int:
    """Give such a channel one weight that is just large enough for its bias; returns how many channels there were.

    With it an input at the end of its range adds 1/60000 of the bias, and 1/480 where activations have 16 bits.
    """
    changed = 0
    for layer in network.layers:
        old = layer.weights()
        low, high = ranges.get(layer.given, (0.0, 0.0))
        step = max(-low, high) / _LEVELS[bits]
        least = STEPS * np.abs(old.bias) / (step * _MOST_STEPS) if step else np.zeros(len(old.bias))
        small = np.abs(old.kernel).max(axis=(1, 2)) < least
        if small.any():
            kernel = old.kernel.copy()
            kernel[small, 0, 0] = least[small]
            layer.put(replace(old, kernel=kernel))
            changed += int(small.sum())
    return changed
