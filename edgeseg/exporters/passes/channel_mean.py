"""Means over channels as a 1x1 convolution.

ONNX Runtime keeps its blocked layout from one convolution to the next, but leaves it for a mean.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.edit import arguments, become, calls, constant, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx",)

_aten = torch.ops.aten


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every mean of a map over its channels that keeps four dimensions."""
    changed = 0
    for node in calls(graph, _aten.mean.dim):
        given = arguments(node)
        over = shape(given["self"])
        channels_alone = len(over) == 4 and [int(dim) % 4 for dim in given["dim"] or ()] == [1]
        if not channels_alone or not given["keepdim"] or given["dtype"] is not None:
            continue
        kernel = constant(graph, node, "mean_weight", torch.full((1, over[1], 1, 1), 1 / over[1]))
        become(node, _convolved, given["self"], kernel)
        changed += 1
    return changed


def _convolved(x: Tensor, kernel: Tensor) -> Tensor:
    return F.conv2d(x, kernel)
