"""What is computed of constants alone, as masks and grids of places are, computed once.

litert-torch leaves it to be computed for every image. Larger results are left so, for the file would grow by them.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import arguments, constant, value

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_LARGEST = 1 << 17
"""Values of what is looked at."""


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every such result that something else reads."""
    known: dict[fx.Node, Any] = {}
    changed = 0
    with torch.no_grad():
        for node in list(graph.graph.nodes):
            given = node.all_input_nodes
            if node.op == "get_attr":
                if (stored := value(graph, node)) is not None and stored.numel() <= _LARGEST:
                    known[node] = stored.clone()  # Which may be written to.
            elif _repeats(node) and known.keys() >= set(given):
                result = node.target(*fx.map_arg(node.args, known.get), **fx.map_arg(node.kwargs, known.get))
                known[node] = result if given else result.clone()  # Of which each write is counted.
            elif any(_writes(node, each) for each in given if each in known):
                return changed
            else:
                changed += sum(_fold(graph, each, node, known[each]) for each in given if each in known)
    return changed


def _repeats(node: fx.Node) -> bool:
    """Whether an operator gives the same small results every time."""
    if node.op != "call_function" or "val" not in node.meta:
        return False
    results = node.meta["val"]
    for result in results if isinstance(results, tuple | list) else [results]:
        if not isinstance(result, Tensor) or result.numel() > _LARGEST:
            return False
    if isinstance(node.target, torch._ops.OpOverload):
        return torch.Tag.nondeterministic_seeded not in node.target.tags
    return node.target is operator.getitem


def _writes(node: fx.Node, given: fx.Node) -> bool:
    """Whether an operator writes to a tensor that it is given."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return False
    written = [each.name for each in node.target._schema.arguments if each.alias_info and each.alias_info.is_write]
    return any(arguments(node).get(name) is given for name in written)


def _fold(graph: fx.GraphModule, node: fx.Node, reader: fx.Node, result: Any) -> bool:
    """Let a reader of a computed constant read it as it is by then."""
    made = node.op == "call_function" and isinstance(result, Tensor) and (node.all_input_nodes or result._version)
    if not made:  # It is stored, or still as it was filled.
        return False
    folded = constant(graph, reader, "folded", result.clone())
    folded.meta = dict(node.meta)
    reader.replace_input_with(node, folded)
    return True
