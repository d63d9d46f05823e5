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

_MOST_STEPS = 2.0**30
"""Of a bias, on either side of zero."""
_LEVELS = 255


def hold_biases(network: Network, ranges: Mapping[str, tuple[float, float]]) -> int:
    """Give such a channel one weight that is just large enough for its bias; returns how many channels there were.

    With it an input at the end of its range adds some 1/30000 of the bias.
    """
    changed = 0
    for layer in network.layers:
        old = layer.weights()
        low, high = ranges.get(layer.given, (0.0, 0.0))
        step = (high - low) / _LEVELS
        least = STEPS * np.abs(old.bias) / (step * _MOST_STEPS) if step else np.zeros(len(old.bias))
        small = np.abs(old.kernel).max(axis=(1, 2)) < least
        if small.any():
            kernel = old.kernel.copy()
            kernel[small, 0, 0] = least[small]
            layer.put(replace(old, kernel=kernel))
            changed += int(small.sum())
    return changed
