"""ReduceMean over height or width, which ONNX Runtime computes in float only, as a pooling, which it has in int8."""

from __future__ import annotations

import onnx

from edgeseg.quantize.passes.edit import Editor

__all__ = ["pool_means"]


def pool_means(model: onnx.ModelProto) -> None:
    """Replace every ReduceMean that keeps the rank of an (N, C, H, W) tensor and reduces H, W or both, in place."""
    edit = Editor(model)
    for node in model.graph.node:
        if node.op_type != "ReduceMean" or not edit.attribute(node, "keepdims", 1):
            continue
        axes = edit.attribute(node, "axes", None)
        if axes is None and len(node.input) > 1:
            axes = edit.constant(node.input[1])
        shape = edit.shape(node.input[0])
        if axes is None or len(shape) != 4 or not all(shape[2:]):
            continue
        reduced = {int(axis) % 4 for axis in axes}
        if reduced == {2, 3}:
            pool = onnx.helper.make_node("GlobalAveragePool", node.input[:1], node.output, node.name)
        elif reduced and reduced < {2, 3}:
            kernel = [shape[axis] if axis in reduced else 1 for axis in (2, 3)]
            pool = onnx.helper.make_node("AveragePool", node.input[:1], node.output, node.name, kernel_shape=kernel)
        else:
            continue
        node.CopyFrom(pool)
