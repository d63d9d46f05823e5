"""Batch normalisation that folds into nothing, as a depthwise 1x1 convolution.

That is one operator, an activation behind it included, where the converter makes a subtraction and a multiplication of
which each rounds by itself in int8.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.batch_norm import folds
from edgeseg.exporters.passes.edit import arguments, become, calls, constant, norm_factors, only_user, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_aten = torch.ops.aten
_CONVOLUTIONS = (_aten.conv2d.default, _aten.conv2d.padding, _aten.conv_transpose2d.input)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every batch normalisation of a map that is not behind convolutions only."""
    changed = 0
    for node in calls(graph, _aten.batch_norm.default):
        factors, given = norm_factors(graph, node), arguments(node)["input"]
        follows = given.target in _CONVOLUTIONS and only_user(given) is node
        if factors is None or follows or folds(graph, node) or len(shape(node)) != 4:
            continue
        factor, offset = (value.float() for value in factors)
        kernel = constant(graph, node, "norm_factor", factor.view(-1, 1, 1, 1))
        become(node, _scale, given, kernel, constant(graph, node, "norm_offset", offset))
        changed += 1
    return changed


def _scale(x: Tensor, factor: Tensor, offset: Tensor) -> Tensor:
    return F.conv2d(x, factor, offset, groups=len(offset))
