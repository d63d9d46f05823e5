"""Channel shuffles as 1x1 convolutions, which keep int8 in the NHWC layout of the kernels around them.

As a transposition of groups they are quick only in NCHW, so that ONNX Runtime turns the map around before and behind
them, and what stands between two of them, as max pooling does, has no int8 kernel there. A weight of one is held by
int8 without an error. Channel shuffle: ShuffleNet, https://arxiv.org/abs/1707.01083.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from edgeseg.quantize.passes.edit import Editor

__all__ = ["convolve_shuffles"]

_MOST_CHANNELS = 512
"""That a convolution reorders in less time."""


def convolve_shuffles(model: onnx.ModelProto) -> int:
    """Replace, in place, Reshape, Transpose, Reshape that reorder channels; returns how many.

    The shape (N, C, H, W) of the map has to be known.
    """
    edit, done = Editor(model), 0
    for last in [node for node in model.graph.node if node.op_type == "Reshape"]:
        turn = edit.only_writer(last.input[0])
        first = edit.only_writer(turn.input[0]) if turn is not None and turn.op_type == "Transpose" else None
        if turn is None or first is None or first.op_type != "Reshape":
            continue
        shape, split = edit.shape(first.input[0]), edit.shape(first.output[0])
        if len(shape) != 4 or not all(shape) or edit.shape(last.output[0]) != shape or shape[1] > _MOST_CHANNELS:
            continue
        grouped = len(split) == 5 and split[1] * split[2] == shape[1] and split[3:] == shape[2:]
        if not grouped or list(edit.attribute(turn, "perm", [])) != [0, 2, 1, 3, 4]:
            continue
        source = np.arange(shape[1]).reshape(split[1:3]).T.ravel()
        weight = edit.add_constant("shuffle_weight", np.eye(shape[1], dtype=np.float32)[source][:, :, None, None])
        whole = helper.make_node("Conv", [first.input[0], weight], last.output, last.name, kernel_shape=[1, 1])
        edit.become(last, whole)
        edit.remove(first, turn)
        done += 1
    return done
