"""Gates of a quantized ONNX file, a value for each channel, repeated along the rows of the map that they multiply.

ONNX Runtime's int8 product of an NHWC map and (N, 1, 1, C) is a call for the C values of each pixel, which takes longer
than multiplying them. With a gate of (N, 1, W, C) it is a call for each row.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from edgeseg.quantize.passes.edit import Editor

__all__ = ["widen_gates"]


def widen_gates(model: onnx.ModelProto) -> None:
    """Repeat, in place, the integers (N, C, 1, 1) that a Mul between Q and DQ takes beside those of (N, C, H, W)."""
    graph, edit = model.graph, Editor(model)
    writers = {name: node for node in graph.node for name in node.output}

    def shape(dequantized: str) -> tuple[int, ...]:
        """Of what was quantized."""
        start = writers.get(dequantized)
        before = writers.get(start.input[0]) if start is not None and start.op_type == "DequantizeLinear" else None
        return edit.shape(before.input[0]) if before is not None and before.op_type == "QuantizeLinear" else ()

    for node in [node for node in graph.node if node.op_type == "Mul"]:
        for i, name in enumerate(node.input):
            gate, other = shape(name), shape(node.input[1 - i])
            if len(gate) == len(other) == 4 and gate[2:] == (1, 1) and gate[1] == other[1] and min(other[2:]) > 1:
                start, wide = writers[name], f"{node.output[0]}_gate"
                row = edit.add_constant("gate_row", np.array([1, 1, 1, other[3]]))
                node.input[i] = f"{wide}_float"
                steps = [
                    helper.make_node("Expand", [start.input[0], row], [wide]),
                    helper.make_node("DequantizeLinear", [wide, *start.input[1:]], [node.input[i]]),
                ]
                for step in steps:
                    graph.node.insert(list(graph.node).index(node), step)
