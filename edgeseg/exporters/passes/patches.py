"""Patches that lie side by side, taken from a map as columns or put together to one, as transpositions.

Both converters take patches for ones that may overlap. To put those together, ONNX Runtime has no int8 kernel, and
LiteRT no operator.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import arguments, become, calls, pair, shape
from edgeseg.exporters.passes.interleave import from_channels, to_channels

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx", "tflite")

_aten = torch.ops.aten


def rewrite(graph: fx.GraphModule) -> int:
    """Replace `Unfold` of an (N, C, H, W) map and `Fold` to one, where the patches fill the map and none overlaps."""
    changed = 0
    for node in calls(graph, _aten.im2col.default, _aten.col2im.default):
        given = arguments(node)
        folds = node.target is _aten.col2im.default
        whole, kernel = shape(node if folds else given["self"]), pair(given["kernel_size"])
        fills = whole[-2] % kernel[0] == 0 == whole[-1] % kernel[1]
        is_plain = pair(given["stride"]) == kernel and pair(given["padding"]) == (0, 0)
        if len(whole) == 4 and fills and is_plain and pair(given["dilation"]) == (1, 1):
            become(node, _folded if folds else _unfolded, given["self"], kernel, whole[2:])
            changed += 1
    return changed


def _unfolded(x: Tensor, kernel: tuple[int, int], _size: tuple[int, int]) -> Tensor:
    return to_channels(x, *kernel).flatten(2)


def _folded(x: Tensor, kernel: tuple[int, int], size: tuple[int, int]) -> Tensor:
    return from_channels(x.unflatten(2, (size[0] // kernel[0], size[1] // kernel[1])), *kernel)
