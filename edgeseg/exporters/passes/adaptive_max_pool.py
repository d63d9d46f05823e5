"""Adaptive max pooling whose windows are all alike, as a plain one: in int8 too, and without turning the map around."""

from __future__ import annotations

import operator

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.edit import arguments, become, calls, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every adaptive max pooling to a grid that divides the map, where nothing reads the maxima's places."""
    changed = 0
    for node in calls(graph, torch.ops.aten.adaptive_max_pool2d.default):
        given = arguments(node)["self"]
        sides, grid = shape(given)[-2:], shape(node)[-2:]
        maxima = [user for user in node.users if user.target is operator.getitem and user.args[1] == 0]
        read = [user for user in node.users if user.users and user not in maxima]
        if not maxima or read or any(side % cells for side, cells in zip(sides, grid, strict=True)):
            continue
        window = [side // cells for side, cells in zip(sides, grid, strict=True)]
        for user in maxima:
            become(user, _pool, given, *window)
        changed += 1
    return changed


def _pool(x: Tensor, height: int, width: int) -> Tensor:
    return F.max_pool2d(x, (height, width))
