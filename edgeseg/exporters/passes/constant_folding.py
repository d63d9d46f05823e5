"""What is computed of constants alone, as masks and grids of places are, computed once.

litert-torch leaves it to be computed for every image. Larger results are left so, for the file would grow by them.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import constant, value

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_LARGEST = 1 << 17
"""Values of a result."""


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every such result that something else reads."""
    known: dict[fx.Node, Any] = {}
    changed = 0
    with torch.no_grad():
        for node in list(graph.graph.nodes):
            given = node.all_input_nodes
            if node.op == "get_attr" and (stored := value(graph, node)) is not None:
                known[node] = stored.clone()
            elif node.op == "call_function" and _repeats(node) and known.keys() >= set(given):
                known[node] = node.target(*fx.map_arg(node.args, known.get), **fx.map_arg(node.kwargs, known.get))
            elif any(_changes(node, each) for each in given if each in known):
                return changed
            else:
                changed += sum(_fold(graph, each, node, known[each]) for each in given if each in known)
    return changed


def _repeats(node: fx.Node) -> bool:
    """Whether an operator gives the same every time."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return node.target is operator.getitem
    return torch.Tag.nondeterministic_seeded not in node.target.tags


def _changes(node: fx.Node, given: fx.Node) -> bool:
    """Whether an operator writes to a tensor that it is given."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return False
    written = [each.name for each in node.target._schema.arguments if each.alias_info and each.alias_info.is_write]
    named = {argument.name: each for argument, each in zip(node.target._schema.arguments, node.args, strict=False)}
    return any((named | dict(node.kwargs)).get(name) is given for name in written)


def _fold(graph: fx.GraphModule, node: fx.Node, reader: fx.Node, result: Any) -> bool:
    """Let a reader of a computed constant read it as it is by then."""
    if node.op != "call_function" or not isinstance(result, Tensor):
        return False
    if result.numel() > _LARGEST:
        return False
    folded = constant(graph, reader, "folded", result.clone())
    folded.meta = dict(node.meta)
    reader.replace_input_with(node, folded)
    return True
