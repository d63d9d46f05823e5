"""Bilinear resizing by a factor that the sizes before and after it do not have, such as 0.5 of an odd side.

PyTorch steps by the factor that it was told, the converter's operator by that of the sizes. Where the factor takes a
whole number of pixels to the new side, these are resized without the rest; else a side is a product with the shares
that its pixels have.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.edit import arguments, become, calls, constant, scales_otherwise, shape, side_products

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every such resizing of an (N, C, H, W) map."""
    changed = 0
    for node in calls(graph, torch.ops.aten.upsample_bilinear2d.vec):
        if not scales_otherwise(node):
            continue
        given = arguments(node)
        factors, size = given["scale_factors"], shape(node)[2:]
        read = [side / factor for side, factor in zip(size, factors, strict=True)]
        if all(each.is_integer() for each in read) and max(factors) <= 1:
            become(node, _resize_part, given["input"], tuple(map(int, read)), size)
        else:
            sides = zip(shape(given["input"])[2:], size, factors, strict=True)
            shares = [constant(graph, node, "resized_shares", _shares(*side)) for side in sides]
            become(node, side_products, given["input"], *shares)
        changed += 1
    return changed


def _resize_part(x: Tensor, read: tuple[int, int], size: tuple[int, int]) -> Tensor:
    return F.interpolate(x[:, :, : read[0], : read[1]], size, mode="bilinear")


def _shares(side: int, size: int, factor: float) -> Tensor:
    """(size, side): what each given pixel has of each new one."""
    pixels = torch.eye(side).view(side, 1, side, 1)
    return torch.ops.aten.upsample_bilinear2d.vec(pixels, None, False, [factor, 1.0]).view(side, size).T
