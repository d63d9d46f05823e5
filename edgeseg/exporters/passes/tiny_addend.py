"""Numbers that are added, as tiny ones are to what is divided by, kept from being taken for nothing.

The rewriter behind torch.onnx takes a scalar up to 1e-8 for zero, also one that it computes of constants, and leaves
the sum out; one in a list it does not.
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
        for place in (0, 1):
            given = node.args[place]
            if shape(node) and (_is_tiny(given) or _is_scalar(graph, given)):
                node.update_arg(place, _listed(graph, node, given))
                changed += 1
    return changed


def _is_tiny(given: Any) -> bool:
    return isinstance(given, float) and 0 < abs(given) <= _TAKEN_FOR_ZERO


def _is_scalar(graph: fx.GraphModule, given: Any) -> bool:
    if not isinstance(given, fx.Node):
        return False
    stored = value(graph, given)
    found = given.meta["val"] if stored is None else stored
    return not found.shape and found.is_floating_point()


def _listed(graph: fx.GraphModule, node: fx.Node, given: Any) -> fx.Node:
    dtype = node.meta["val"].dtype
    if not isinstance(given, fx.Node):
        return constant(graph, node, "tiny_addend", torch.tensor([given], dtype=dtype))
    with graph.graph.inserting_before(node):
        listed = graph.graph.call_function(_in_list, (given, dtype))
    listed.meta = {**node.meta, "val": node.meta["val"].new_empty(1)}
    return listed


def _in_list(scalar: Tensor, dtype: torch.dtype) -> Tensor:
    return scalar.to(dtype).reshape(1)
