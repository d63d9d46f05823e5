"""Gates of a quantized ONNX file, a value for each channel, repeated along the rows of the map that they multiply.

ONNX Runtime's int8 product of an NHWC map and (N, 1, 1, C) is a call for the C values of each pixel, which takes longer
than multiplying them. With a gate of (N, 1, W, C) it is a call for each row.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import onnx
from onnx import helper

from edgeseg.quantize.passes.edit import Editor

__all__ = ["widen_gates"]


def widen_gates(model: onnx.ModelProto) -> None:
    """Repeat, in place, the integers (N, C, 1, 1) that a Mul between Q and DQ takes beside those of (N, C, H, W)."""
    edit = Editor(model)

    def shape(dequantized: str) -> tuple[int, ...]:
        """Of what was quantized."""
        start = edit.writer(dequantized)
        before = edit.writer(start.input[0]) if start is not None and start.op_type == "DequantizeLinear" else None
        return edit.shape(before.input[0]) if before is not None and before.op_type == "QuantizeLinear" else ()

    for node in [node for node in model.graph.node if node.op_type == "Mul"]:
        for name, beside in permutations(node.input):
            gate, other = shape(name), shape(beside)
            if len(gate) == len(other) == 4 and gate[2:] == (1, 1) and gate[1] == other[1] and min(other[2:]) > 1:
                start, wide = edit.writer(name), f"{node.output[0]}_gate"
                assert start is not None
                row = edit.add_constant("gate_row", np.array([1, 1, 1, other[3]]))
                steps = [
                    helper.make_node("Expand", [start.input[0], row], [wide]),
                    helper.make_node("DequantizeLinear", [wide, *start.input[1:]], [f"{wide}_float"]),
                ]
                edit.rename(name, f"{wide}_float", node)
                edit.replace(node, *steps, node)
