"""Biases that take back by how much rounded weights move the mean of what a layer gives.

Source: Nagel et al., Data-free quantization through weight equalization and bias correction, ICCV 2019,
https://arxiv.org/abs/1906.04721, section 4.2, with the means of
the inputs taken on calibration images.
Borders are left out of account: every tap is taken to see the same mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from edgeseg.quantize.ranges.channels import Channels
from edgeseg.quantize.weights.layers import Layer, rounded

__all__ = ["correct_biases"]


def correct_biases(
    layers: Iterable[Layer], channels: Mapping[str, Channels], per_channel: bool, pairs_fit: bool = False
) -> int:
    """Change the biases of the layers whose input was seen, (w - rounded w) * mean; returns of how many.

    Args:
        layers: A network's.
        channels: What was seen of each tensor.
        per_channel: Whether the int8 file will have a weight scale for each output channel.
        pairs_fit: Whether sums of two products are kept inside 16 bits.
    """
    corrected = 0
    for layer in layers:
        if layer.given in channels:
            weights = layer.weights()
            kernel = rounded(weights.kernel, per_channel, pairs_fit and not weights.depthwise)
            lost = (weights.kernel - kernel).sum(axis=2)
            shift = (lost * channels[layer.given].mean[weights.reads]).sum(axis=1)
            layer.put(replace(weights, bias=weights.bias + shift))
            corrected += 1
    return corrected
