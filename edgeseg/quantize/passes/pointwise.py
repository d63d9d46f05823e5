"""1x1 convolutions behind an enlargement, in front of it, where there are fewer pixels.

Why that is the same, is told in `exporters/passes/early_pointwise.py`, which does it to PyTorch networks; files of
others, and those of Keras networks, have them as they were written.
"""

from __future__ import annotations

import math

import numpy as np
import onnx

from edgeseg.quantize.passes.edit import Editor

__all__ = ["convolve_early"]

_SIZES = 3
"""Input of Resize, in whose place may be scales."""


def convolve_early(model: onnx.ModelProto) -> int:
    """Move, in place, every one that makes no more channels than it takes; returns how many."""
    edit, done = Editor(model), 0
    for node in [node for node in model.graph.node if node.op_type == "Conv" and _is_pointwise(edit, node)]:
        resize = edit.only_writer(node.input[0])
        if resize is None or not _enlarges(edit, resize):
            continue
        channels = edit.shape(resize.output[0])[1], edit.shape(node.output[0])[1]
        if channels[1] <= channels[0] and _can_have(edit, resize, channels[1]):
            _swap(edit, resize, node)
            done += 1
    return done


def _is_pointwise(edit: Editor, node: onnx.NodeProto) -> bool:
    kernel = edit.constant(node.input[1])
    if kernel is None or kernel.shape[2:] != (1, 1) or len(edit.shape(node.output[0])) != 4:
        return False
    if len(node.input) > 2 and not edit.is_constant(node.input[2]):
        return False
    return set(edit.attribute(node, "strides", [1])) == {1} and not any(edit.attribute(node, "pads", [0]))


def _enlarges(edit: Editor, node: onnx.NodeProto) -> bool:
    """Whether it makes more pixels of a map, each a mean of some of them."""
    if node.op_type != "Resize" or edit.attribute(node, "coordinate_transformation_mode", b"") == b"tf_crop_and_resize":
        return False
    given, result = edit.shape(node.input[0]), edit.shape(node.output[0])
    return len(given) == len(result) == 4 and given[:2] == result[:2] and 0 < math.prod(given) < math.prod(result)


def _can_have(edit: Editor, resize: onnx.NodeProto, channels: int) -> bool:
    """Whether a Resize can be told to leave so many channels as they are; if it has sizes, it is told here."""
    if len(resize.input) <= _SIZES or not resize.input[_SIZES]:
        return True
    sizes = edit.constant(resize.input[_SIZES])
    if sizes is None or len(sizes) != 4:
        return False
    resize.input[_SIZES] = edit.add_constant(f"{resize.output[0]}_sizes", np.array([sizes[0], channels, *sizes[2:]]))
    return True


def _swap(edit: Editor, resize: onnx.NodeProto, node: onnx.NodeProto) -> None:
    early, late = onnx.NodeProto(), onnx.NodeProto()
    early.CopyFrom(node)
    late.CopyFrom(resize)
    early.input[0], late.output[0] = resize.input[0], node.output[0]
    early.output[0] = late.input[0] = f"{node.output[0]}_early"
    edit.become(resize, early)
    edit.become(node, late)
