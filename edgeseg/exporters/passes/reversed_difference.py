"""A number less a map as the map times -1 and the number: the TFLite converter makes another function of a difference.

It folds the number into the convolution behind with the wrong sign.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import arguments, become, calls, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_aten = torch.ops.aten
_CONVOLUTIONS = (_aten.conv2d.default, _aten.conv2d.padding)


def rewrite(graph: fx.GraphModule) -> int:
    """Rewrite each that a convolution reads; returns how many."""
    changed = 0
    for node in calls(graph, _aten.rsub.Scalar, _aten.sub.Tensor):
        given = arguments(node)
        number, x = given["other"], given["self"]
        if node.target is _aten.sub.Tensor:
            number, x = x, number
            if not isinstance(x, fx.Node) or len(shape(number)) > 1 or len(shape(x)) < 2:
                continue
        if any(user.target in _CONVOLUTIONS for user in node.users):
            become(node, _reversed, x, number, given["alpha"])
            changed += 1
    return changed


def _reversed(x: Tensor, number: Any, times: float) -> Tensor:
    return x * -times + number
