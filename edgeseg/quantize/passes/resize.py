"""Resize of all dimensions, since ONNX Runtime mistakes the sizes of one that names some once it is int8."""

from __future__ import annotations

import numpy as np
import onnx

from edgeseg.quantize.passes.edit import Editor

__all__ = ["resize_all_axes"]

_SCALES, _SIZES = 2, 3
"""Inputs, one of which is given."""


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
        kept = [attribute for attribute in node.attribute if attribute.name != "axes"]
        del node.attribute[:]
        node.attribute.extend(kept)


def _looks_at_axes(edit: Editor, node: onnx.NodeProto) -> bool:
    """Whether more than the sizes hangs on which axes they are of."""
    return bool(node.input[1]) or edit.attribute(node, "keep_aspect_ratio_policy", b"stretch") != b"stretch"
