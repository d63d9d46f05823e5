"""1x1 convolutions behind an enlargement, in front of it, as `quantize/passes/pointwise.py` has them in ONNX graphs."""

from __future__ import annotations

import math
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeseg.quantize.tflite_passes.edit import Editor, Op

__all__ = ["convolve_early"]


def convolve_early(model: Any) -> int:
    """Move, in place, every one that makes no more channels than it takes; returns how many."""
    edit, done = Editor(model), 0
    for resize in edit.operators(Op.RESIZE_BILINEAR, Op.RESIZE_NEAREST_NEIGHBOR):
        given, result = edit.shape(resize.inputs[0]), edit.shape(resize.outputs[0])
        node = edit.only_reader(resize)
        if node is None or math.prod(given) >= math.prod(result) or not _is_pointwise(edit, node):
            continue
        if edit.shape(node.outputs[0])[-1] > given[-1]:
            continue
        shape = *given[:3], edit.shape(node.outputs[0])[-1]
        early = edit.add_tensor("early", shape, resize.inputs[0], part_of=node.outputs[0])
        resize.outputs, node.outputs = node.outputs, [early]
        node.inputs, resize.inputs = [resize.inputs[0], *node.inputs[1:]], [early, *resize.inputs[1:]]
        edit.remove(node)
        edit.replace(resize, node, resize)
        done += 1
    return done


def _is_pointwise(edit: Editor, node: Any) -> bool:
    """Whether it is a convolution of single pixels, without an activation."""
    if edit.kind(node) != Op.CONV_2D or not all(edit.is_constant(i) for i in node.inputs[1:] if i >= 0):
        return False
    options, sides = node.builtinOptions, edit.shape(node.inputs[1])[1:3]
    is_linear = options.fusedActivationFunction == schema.ActivationFunctionType.NONE
    return is_linear and (*sides, options.strideH, options.strideW) == (1, 1, 1, 1)
