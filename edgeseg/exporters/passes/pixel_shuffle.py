"""Pixel shuffling as one transposition of a channels-last map, where the converter makes four."""

from __future__ import annotations

import torch
from torch import fx

from edgeseg.exporters.passes.edit import arguments, become, calls, shape
from edgeseg.exporters.passes.interleave import from_channels

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every pixel shuffle of an (N, C, H, W) map."""
    changed = 0
    for node in calls(graph, torch.ops.aten.pixel_shuffle.default):
        given = arguments(node)
        if len(shape(node)) == 4:
            become(node, from_channels, given["self"], given["upscale_factor"], given["upscale_factor"])
            changed += 1
    return changed
