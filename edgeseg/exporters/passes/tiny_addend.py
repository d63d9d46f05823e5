"""Tiny numbers that are added, as to what is divided by, kept from being taken for nothing.

The rewriter behind torch.onnx takes a scalar up to 1e-8 for zero and leaves the sum out; one in a list it does not.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import calls, constant, shape, value

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx",)

_aten = torch.ops.aten
_SUMS = (_aten.add.Tensor, _aten.add_.Tensor, _aten.sub.Tensor, _aten.sub_.Tensor)
_TAKEN_FOR_ZERO = 1e-8


def rewrite(graph: fx.GraphModule) -> int:
    """List every such number; returns how many."""
    changed = 0
    for node in calls(graph, *_SUMS):
        added = _scalar(graph, node.args[1])
        if added is not None and 0 < abs(float(added)) <= _TAKEN_FOR_ZERO and shape(node):
            kept = constant(graph, node, "tiny_addend", added.to(node.meta["val"].dtype).reshape(1))
            node.args = (node.args[0], kept, *node.args[2:])
            changed += 1
    return changed


def _scalar(graph: fx.GraphModule, given: Any) -> Tensor | None:
    if isinstance(given, float):
        return torch.tensor(given, dtype=torch.float64)
    found = value(graph, given)
    return found if found is not None and not found.shape and found.is_floating_point() else None
