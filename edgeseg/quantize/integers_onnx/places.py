"""Operators of an ONNX graph that compute places in a map, which stay in float.

In 256 steps a place would be off by whole pixels. There are few of them beside the values of the map.
"""

from __future__ import annotations

import onnx

from edgeseg.quantize.passes.edit import Editor

__all__ = ["float_places"]

_OF_PLACES = frozenset(
    {
        *("Add", "Clip", "Concat", "Div", "Expand", "Floor", "Max", "Min", "Mul", "Relu", "Reshape", "Round", "Slice"),
        *("Split", "Squeeze", "Sub", "Transpose", "Unsqueeze", "Where"),
    }
)
_INTEGERS = {onnx.TensorProto.INT32, onnx.TensorProto.INT64}


def float_places(model: onnx.ModelProto) -> set[str]:
    """The names of the operators that give the places which are sampled at or become integers, or use them alone."""
    look, nodes = Editor(model), list(model.graph.node)
    writers = {name: node for node in nodes for name in node.output}
    waiting = [node.input[1] for node in nodes if node.op_type == "GridSample"]
    casts = [node for node in nodes if node.op_type == "Cast" and look.attribute(node, "to", 0) in _INTEGERS]
    waiting += [node.input[0] for node in casts]
    found: set[str] = set()
    while waiting:
        node = writers.get(waiting.pop())
        if node is not None and node.name not in found and node.op_type in _OF_PLACES:
            found.add(node.name)
            waiting += node.input
    given = {value.name for value in model.graph.input}
    for node in nodes:
        before = [writers[name].name for name in node.input if name in writers]
        if node.op_type in _OF_PLACES and before and found.issuperset(before) and not given.intersection(node.input):
            found.add(node.name)
    return found
