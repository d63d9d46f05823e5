"""DepthToSpace over the integers of a quantized ONNX file.

ONNX Runtime computes it in float, between a DequantizeLinear and a QuantizeLinear. It only moves values, so where both
have the same scale the integers can be moved as they are: as a transposition of rows of pixels, in the NHWC layout that
the int8 kernels around it work in, so that the runtime drops the transpositions to and from it.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from edgeseg.quantize.integers_onnx.scales import alike
from edgeseg.quantize.passes.edit import Editor

__all__ = ["MOVED", "move_integers"]

MOVED = frozenset({"DepthToSpace"})
"""Operators that need a scale at both ends to be replaced here."""


def move_integers(model: onnx.ModelProto) -> None:
    """Replace, in place, every DepthToSpace (DCR) between a DequantizeLinear and QuantizeLinears of its scale."""
    edit = Editor(model)
    for node in [node for node in model.graph.node if node.op_type == "DepthToSpace"]:
        start = edit.only_writer(node.input[0])
        ends = edit.readers(node.output[0])
        if start is None or start.op_type != "DequantizeLinear" or edit.is_output(node.output[0]) or not ends:
            continue
        before = edit.writer(start.input[0]) or start
        shape = edit.shape(before.input[0])
        if len(shape) != 4 or not all(shape) or edit.attribute(node, "mode", b"DCR") != b"DCR":
            continue
        if all(end.op_type == "QuantizeLinear" and alike(edit, start, end) for end in ends):
            _replace(edit, (start, node, *ends), shape)


def _replace(edit: Editor, nodes: tuple[onnx.NodeProto, ...], shape: tuple[int, ...]) -> None:
    start, node, *ends = nodes
    batch, channels, height, width = shape
    block = edit.attribute(node, "blocksize", 0)
    rows = edit.add_constant("cell_rows", np.array([batch * height, width, block, channels // block]))
    pixels = [batch, height * block, width * block, channels // block**2]
    whole = edit.add_constant("cell_pixels", np.array(pixels))
    given, name, result = start.input[0], node.output[0], ends[0].output[0]
    steps = [
        helper.make_node("Transpose", [given], [f"{name}_last"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", [f"{name}_last", rows], [f"{name}_rows"]),
        helper.make_node("Transpose", [f"{name}_rows"], [f"{name}_moved"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", [f"{name}_moved", whole], [f"{name}_pixels"]),
        helper.make_node("Transpose", [f"{name}_pixels"], [result], perm=[0, 3, 1, 2]),
    ]
    edit.replace(node, *steps)
    edit.remove(start, *ends)
    for end in ends[1:]:
        edit.rename(end.output[0], result)
