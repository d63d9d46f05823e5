"""Resizing to the nearest pixel in ONNX, where its runtime rounds to another one than PyTorch, as the choice of pixels.

A pixel's place is rounded down. PyTorch multiplies by how many given pixels there are to one, ONNX Runtime divides by
the inverse: of some sizes, like 14 to 16, a place that is a whole number comes out just below it in one of them.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import become, calls, chosen_pixels, constant, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx",)

_aten = torch.ops.aten


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every such resizing of an (N, C, H, W) map."""
    changed = 0
    for node in calls(graph, _aten.upsample_nearest2d.vec):
        given = node.args[0]
        assert isinstance(given, fx.Node)
        ours = chosen_pixels(node)
        theirs = map(_onnxruntimes, shape(given)[2:], shape(node)[2:])
        if all(torch.equal(*pair) for pair in zip(ours, theirs, strict=True)):
            continue
        become(node, _choose, given, *(constant(graph, node, "nearest_pixels", pixels) for pixels in ours))
        changed += 1
    return changed


def _onnxruntimes(given: int, size: int) -> Tensor:
    """The pixel that ONNX Runtime takes for each of `size`."""
    scale = torch.tensor(size, dtype=torch.float32) / given
    return (torch.arange(size, dtype=torch.float32) / scale).floor().long()


def _choose(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    return x.index_select(2, rows).index_select(3, columns)
