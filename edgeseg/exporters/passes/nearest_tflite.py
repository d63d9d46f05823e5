"""Resizing to the nearest pixel in TFLite, by a factor that is no whole number, as the choice of pixels that it is.

PyTorch rounds a pixel's place down from its corner, the converter's operator from its middle: of a whole factor these
are the same, unless PyTorch was told another one than that of the sizes.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import become, calls, chosen_pixels, constant, scales_otherwise, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_aten = torch.ops.aten


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every such resizing of an (N, C, H, W) map."""
    changed = 0
    for node in calls(graph, _aten.upsample_nearest2d.vec):
        given = node.args[0]
        assert isinstance(given, fx.Node)
        batch, _, height, width = shape(given)
        size = shape(node)[2:]
        if size[0] % height == 0 == size[1] % width and not scales_otherwise(node):
            continue
        rows, columns = chosen_pixels(node)
        pixels = torch.arange(batch * height * width).view(batch, height, width)[:, rows][:, :, columns]
        become(node, _choose, given, constant(graph, node, "nearest_pixels", pixels.flatten()), size)
        changed += 1
    return changed


def _choose(x: Tensor, pixels: Tensor, size: tuple[int, int]) -> Tensor:
    chosen = x.permute(0, 2, 3, 1).flatten(0, 2).index_select(0, pixels)
    return chosen.unflatten(0, (x.shape[0], *size)).permute(0, 3, 1, 2)
