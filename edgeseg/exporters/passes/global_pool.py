"""Means and maxima over a whole map as operators that keep its four dimensions.

The converter turns a map around whose mean it takes down to two dimensions, and only a pooling has a maximum in int8.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.edit import arguments, become, calls, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_aten = torch.ops.aten


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every maximum over height and width, and every such mean that drops these dimensions."""
    changed = 0
    for node in calls(graph, _aten.mean.dim, _aten.amax.default):
        given = arguments(node)
        over, is_mean = shape(given["self"]), node.target is _aten.mean.dim
        if len(over) != 4 or sorted(int(dim) % 4 for dim in given["dim"] or ()) != [2, 3]:
            continue
        if is_mean and (given["keepdim"] or given["dtype"] is not None):
            continue
        become(node, _mean if is_mean else _maximum, given["self"], shape(node))
        changed += 1
    return changed


def _mean(x: Tensor, result: tuple[int, ...]) -> Tensor:
    return x.mean((2, 3), keepdim=True).reshape(result)


def _maximum(x: Tensor, result: tuple[int, ...]) -> Tensor:
    pooled = F.max_pool2d(x, x.shape[2:])
    return pooled if len(result) == 4 else pooled.reshape(result)
