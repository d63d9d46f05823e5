"""Products of two transposed matrices, as the product the other way round, transposed.

TFLite's converter takes the transposition of the first into its operator for products and then loses it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import become, calls, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_aten = torch.ops.aten


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every such product of (..., n, k) and (..., k, m)."""
    changed = 0
    for node in calls(graph, _aten.bmm.default, _aten.matmul.default):
        first, second = map(_untransposed, node.args)
        if first is not None and second is not None:
            become(node, _turned, second, first)
            changed += 1
    return changed


def _untransposed(node: Any) -> fx.Node | None:
    """What has its last two dimensions swapped by a node; None where it does something else."""
    given = node.args[0] if isinstance(node, fx.Node) and node.args else None
    if not isinstance(given, fx.Node):
        return None
    rank = len(shape(node))
    last = {rank - 2, rank - 1}
    if node.target is _aten.transpose.int:
        return given if {axis % rank for axis in node.args[1:]} == last else None
    if node.target is _aten.permute.default:
        order = [axis % rank for axis in node.args[1]]
        return given if order == [*range(rank - 2), rank - 1, rank - 2] else None
    return given if node.target is _aten.mT.default else None


def _turned(second: Tensor, first: Tensor) -> Tensor:
    return torch.matmul(second, first).transpose(-2, -1)
