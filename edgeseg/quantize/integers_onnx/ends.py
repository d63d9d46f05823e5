"""Integers at both ends of a quantized ONNX file, so that nobody converts pixels or scores to float and back."""

from __future__ import annotations

from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper

from edgeseg.quantize.passes.edit import Editor

__all__ = ["integer_input", "integer_output"]


def integer_input(model: onnx.ModelProto, channels_last: bool) -> tuple[float, int] | None:
    """Take the QuantizeLinear behind the input away, so that the file takes its integers.

    An NCHW input becomes NHWC where `channels_last` is asked for: the layout that images come in and that int8 kernels
    work in, so that the runtime drops the transposition. Returns (scale, zero point), and None, with the model as it
    was, where something else reads the input.
    """
    edit, given = Editor(model), model.graph.input[0]
    first = edit.only_reader(given.name)
    if first is None or first.op_type != "QuantizeLinear":
        return None
    scale, zero_point = _parameters(edit, first)
    shape = [side.dim_value for side in given.type.tensor_type.shape.dim]
    edit.remove(first)
    if channels_last:
        shape = [shape[0], *shape[2:], shape[1]]
        edit.put_first(helper.make_node("Transpose", [given.name], [first.output[0]], perm=[0, 3, 1, 2]))
    else:
        edit.rename(first.output[0], given.name)
    given.CopyFrom(helper.make_tensor_value_info(given.name, helper.np_dtype_to_tensor_dtype(zero_point.dtype), shape))
    return float(scale), int(zero_point)


def integer_output(model: onnx.ModelProto, channels_last: bool) -> tuple[float, int] | None:
    """Make the integers behind a final DequantizeLinear the output, NHWC for NCHW where `channels_last` is asked for.

    Returns (scale, zero point), and None, with the model as it was, where it does not end so or the output is read on.
    """
    edit, output = Editor(model), model.graph.output[0]
    last = edit.writer(output.name)
    if last is None or last.op_type != "DequantizeLinear" or edit.writer(last.input[0]) is None:
        return None
    if edit.readers(output.name):
        return None
    scale, zero_point = _parameters(edit, last)
    shape = [side.dim_value for side in output.type.tensor_type.shape.dim]
    edit.remove(last)
    if channels_last:
        shape = [shape[0], *shape[2:], shape[1]]
        edit.put_last(helper.make_node("Transpose", [last.input[0]], [output.name], perm=[0, 2, 3, 1]))
    else:
        edit.rename(last.input[0], output.name)
    element = helper.np_dtype_to_tensor_dtype(zero_point.dtype)
    output.CopyFrom(helper.make_tensor_value_info(output.name, element, shape))
    return float(scale), int(zero_point)


def _parameters(edit: Editor, node: onnx.NodeProto) -> tuple[NDArray[Any], NDArray[Any]]:
    scale, zero_point = (edit.constant(name) for name in node.input[1:3])
    assert scale is not None and zero_point is not None
    return scale, zero_point
