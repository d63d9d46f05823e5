"""Operators that are to stay in float, of an ONNX file about to be written.

ONNX Runtime makes a softmax between DQ and Q an integer one again, however it was left out of quantization, and of an
average over pixels that lie apart one that it cannot run.
"""

from __future__ import annotations

from collections.abc import Container

import onnx
from onnx import helper

__all__ = ["keep_in_float"]

_MADE_INTEGER = ("AveragePool", "Softmax")


def keep_in_float(model: onnx.ModelProto, floating: Container[str], given: onnx.ModelProto) -> None:
    """Let, in place, those of these names read what the Q and DQ before them were made for.

    `given` is the float model: of a Relu in front of Q nothing is left but the zero that the integers end at.
    """
    graph = model.graph
    writers = {name: node for node in graph.node for name in node.output}
    rectified = {node.output[0] for node in given.graph.node if node.op_type == "Relu"}
    clipped = {node.output[0] for node in given.graph.node if node.op_type == "Clip"}
    for node in [node for node in graph.node if node.op_type in _MADE_INTEGER and node.name in floating]:
        back = _before(writers, node.input[0], "DequantizeLinear")
        value = back and _before(writers, back, "QuantizeLinear")
        if not value or value in clipped:
            continue
        node.input[0] = value
        if value in rectified and writers[value].op_type != "Relu":
            node.input[0] = f"{value}_in_float"
            graph.node.append(helper.make_node("Relu", [value], [node.input[0]]))
    outputs = {output.name for output in graph.output}
    for kind in ("DequantizeLinear", "QuantizeLinear"):
        read = {name for node in graph.node for name in node.input} | outputs
        for node in [each for each in graph.node if each.op_type == kind and each.output[0] not in read]:
            graph.node.remove(node)


def _before(writers: dict[str, onnx.NodeProto], name: str, kind: str) -> str:
    """What is given to the node of this kind that gives a tensor; nothing where another does."""
    node = writers.get(name)
    return node.input[0] if node is not None and node.op_type == kind else ""
