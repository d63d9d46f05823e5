"""Resize and Pad of all dimensions, since ONNX Runtime mistakes one that names some once it is int8."""

from __future__ import annotations

import numpy as np
import onnx

from edgeseg.quantize.passes.edit import Editor

__all__ = ["pad_all_axes", "resize_all_axes"]

_SCALES, _SIZES = 2, 3
"""Inputs, one of which is given."""
_PADS, _AXES = 1, 3


def resize_all_axes(model: onnx.ModelProto) -> None:
    """Write, in place, the constant scales or sizes of some axes for all of them, where the others are known."""
    edit = Editor(model)
    for node in model.graph.node:
        axes = edit.attribute(node, "axes", None) if node.op_type == "Resize" else None
        if axes is None or _looks_at_axes(edit, node):
            continue
        place = _SIZES if len(node.input) > _SIZES and node.input[_SIZES] else _SCALES
        shape, given = edit.shape(node.input[0]), edit.constant(node.input[place])
        if given is None or not shape or (place == _SIZES and not all(shape)):
            continue
        whole = np.array(shape if place == _SIZES else [1] * len(shape), given.dtype)
        whole[list(axes)] = given
        node.input[place] = edit.add_constant(f"{node.output[0]}_all_axes", whole)
        edit.drop_attributes(node, "axes")


def pad_all_axes(model: onnx.ModelProto) -> None:
    """Write, in place, the constant pads of some axes for all of them."""
    edit = Editor(model)
    for node in model.graph.node:
        if node.op_type != "Pad" or len(node.input) <= _AXES or not node.input[_AXES]:
            continue
        rank, axes, given = len(edit.shape(node.input[0])), *(edit.constant(node.input[i]) for i in (_AXES, _PADS))
        if not rank or axes is None or given is None:
            continue
        whole = np.zeros((2, rank), given.dtype)
        whole[:, axes] = given.reshape(2, -1)
        node.input[_PADS] = edit.add_constant(f"{node.output[0]}_all_axes", whole.reshape(-1))
        del node.input[_AXES:]


def _looks_at_axes(edit: Editor, node: onnx.NodeProto) -> bool:
    """Whether more than the sizes hangs on which axes they are of."""
    return bool(node.input[1]) or edit.attribute(node, "keep_aspect_ratio_policy", b"stretch") != b"stretch"
