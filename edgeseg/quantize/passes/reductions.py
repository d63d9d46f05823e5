"""ReduceMean and ReduceMax, which ONNX Runtime computes in float only, as what it has an int8 kernel for.

Over the whole map or along one of its sides they are poolings; a mean over the channels is a 1x1 convolution.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from edgeseg.quantize.passes.edit import Editor

__all__ = ["pool_reductions"]


def pool_reductions(model: onnx.ModelProto) -> int:
    """Replace, in place, every ReduceMean and ReduceMax of an (N, C, H, W) tensor over H, W or both, and means over C.

    Where the sides go away altogether, (N, C) is what stays. Returns how many.
    """
    edit, done = Editor(model), 0
    for node in [node for node in model.graph.node if node.op_type in ("ReduceMean", "ReduceMax")]:
        axes = edit.attribute(node, "axes", None)
        if axes is None and len(node.input) > 1:
            axes = edit.constant(node.input[1])
        shape = edit.shape(node.input[0])
        if axes is None or len(shape) != 4 or not all(shape[1:]) or not edit.is_float(node.input[0]):
            continue
        reduced, kept = {int(axis) % 4 for axis in axes}, bool(edit.attribute(node, "keepdims", 1))
        if reduced and reduced <= {2, 3} and (kept or reduced == {2, 3}):
            _pool(edit, node, shape, reduced, kept)
            done += 1
        elif reduced == {1} and kept and node.op_type == "ReduceMean":
            weight = edit.add_constant("mean_weight", np.full((1, shape[1], 1, 1), 1 / shape[1], np.float32))
            edit.become(
                node, helper.make_node("Conv", [node.input[0], weight], node.output, node.name, kernel_shape=[1, 1])
            )
            done += 1
    return done


def _pool(edit: Editor, node: onnx.NodeProto, shape: tuple[int, ...], reduced: set[int], kept: bool) -> None:
    mean, output = node.op_type == "ReduceMean", node.output[0]
    pooled = output if kept else f"{output}_pooled"
    if mean and reduced == {2, 3}:
        pool = helper.make_node("GlobalAveragePool", node.input[:1], [pooled], node.name)
    else:
        kernel = [shape[axis] if axis in reduced else 1 for axis in (2, 3)]
        operator = "AveragePool" if mean else "MaxPool"
        pool = helper.make_node(operator, node.input[:1], [pooled], node.name, kernel_shape=kernel)
    edit.become(node, pool)
    if not kept:
        flat = helper.make_node("Flatten", [pooled], [output], f"{node.name}_flat", axis=1)
        edit.replace(node, node, flat)
