"""ReduceMean over height and width, which ONNX Runtime computes in float only, as GlobalAveragePool."""

from __future__ import annotations

import onnx

from edgeseg.quantize.passes.edit import Editor

__all__ = ["pool_means"]


def pool_means(model: onnx.ModelProto) -> None:
    """Replace every ReduceMean of an (N, C, H, W) tensor that keeps its rank and leaves (N, C, 1, 1), in place."""
    edit = Editor(model)
    for node in model.graph.node:
        if node.op_type != "ReduceMean" or edit.rank(node.input[0]) != 4 or not edit.attribute(node, "keepdims", 1):
            continue
        axes = edit.attribute(node, "axes", None)
        if axes is None and len(node.input) > 1:
            axes = edit.constant(node.input[1])
        if axes is not None and sorted(int(axis) % 4 for axis in axes) == [2, 3]:
            node.CopyFrom(onnx.helper.make_node("GlobalAveragePool", node.input[:1], node.output, node.name))
