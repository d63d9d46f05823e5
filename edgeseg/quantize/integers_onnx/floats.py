"""Operators that are to stay in float, of an ONNX file about to be written.

ONNX Runtime makes a softmax between DQ and Q an integer one again, however it was left out of quantization, and of an
average over pixels that lie apart one that it cannot run.
"""

from __future__ import annotations

from collections.abc import Container

import onnx
from onnx import helper

from edgeseg.quantize.passes.edit import Editor

__all__ = ["keep_in_float"]

_MADE_INTEGER = ("AveragePool", "Softmax")


def keep_in_float(model: onnx.ModelProto, floating: Container[str], given: onnx.ModelProto) -> None:
    """Let, in place, those of these names read what the Q and DQ before them were made for.

    `given` is the float model: of a Relu in front of Q nothing is left but the zero that the integers end at.
    """
    graph, edit = model.graph, Editor(model)
    rectified = {node.output[0] for node in given.graph.node if node.op_type == "Relu"}
    clipped = {node.output[0] for node in given.graph.node if node.op_type == "Clip"}
    for node in [node for node in graph.node if node.op_type in _MADE_INTEGER and node.name in floating]:
        back = _before(edit, node.input[0], "DequantizeLinear")
        value = back and _before(edit, back, "QuantizeLinear")
        if not value or value in clipped:
            continue
        writer = edit.writer(value)
        is_cut = value in rectified and writer is not None and writer.op_type != "Relu"
        edit.rename(node.input[0], f"{value}_in_float" if is_cut else value, node)
        if is_cut:
            edit.put_last(helper.make_node("Relu", [value], [f"{value}_in_float"]))
    for kind in ("DequantizeLinear", "QuantizeLinear"):
        edit.remove_unread(*(node for node in graph.node if node.op_type == kind))


def _before(edit: Editor, name: str, kind: str) -> str:
    """What is given to the node of this kind that gives a tensor; nothing where another does."""
    node = edit.writer(name)
    return node.input[0] if node is not None and node.op_type == kind else ""
