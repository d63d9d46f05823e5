"""Integers at both ends of a quantized ONNX file, so that nobody converts pixels or scores to float and back."""

from __future__ import annotations

from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

__all__ = ["integer_input", "integer_output"]


def integer_input(model: onnx.ModelProto, channels_last: bool) -> tuple[float, int] | None:
    """Take the QuantizeLinear behind the input away, so that the file takes its integers.

    An NCHW input becomes NHWC where `channels_last` is asked for: the layout that images come in and that int8 kernels
    work in, so that the runtime drops the transposition. Returns (scale, zero point), and None, with the model as it
    was, where something else reads the input.
    """
    graph = model.graph
    given = graph.input[0]
    readers = [node for node in graph.node if given.name in node.input]
    if len(readers) != 1 or readers[0].op_type != "QuantizeLinear":
        return None
    scale, zero_point = _parameters(graph, readers[0])
    shape = [side.dim_value for side in given.type.tensor_type.shape.dim]
    graph.node.remove(readers[0])
    if channels_last:
        shape = [shape[0], *shape[2:], shape[1]]
        graph.node.insert(0, helper.make_node("Transpose", [given.name], [readers[0].output[0]], perm=[0, 3, 1, 2]))
    else:
        _rename(graph, readers[0].output[0], given.name)
    given.CopyFrom(helper.make_tensor_value_info(given.name, helper.np_dtype_to_tensor_dtype(zero_point.dtype), shape))
    return float(scale), int(zero_point)


def integer_output(model: onnx.ModelProto, channels_last: bool) -> tuple[float, int] | None:
    """Make the integers behind a final DequantizeLinear the output, NHWC for NCHW where `channels_last` is asked for.

    Returns (scale, zero point), and None, with the model as it was, where it does not end so or the output is read on.
    """
    graph = model.graph
    output = graph.output[0]
    last = next(node for node in graph.node if output.name in node.output)
    quantize = next((node for node in graph.node if last.input[0] in node.output), None)
    if last.op_type != "DequantizeLinear" or quantize is None:
        return None
    if any(output.name in node.input for node in graph.node):
        return None
    scale, zero_point = _parameters(graph, last)
    shape = [side.dim_value for side in output.type.tensor_type.shape.dim]
    graph.node.remove(last)
    if channels_last:
        shape = [shape[0], *shape[2:], shape[1]]
        graph.node.append(helper.make_node("Transpose", [last.input[0]], [output.name], perm=[0, 2, 3, 1]))
    else:
        _rename(graph, last.input[0], output.name)
    element = helper.np_dtype_to_tensor_dtype(zero_point.dtype)
    output.CopyFrom(helper.make_tensor_value_info(output.name, element, shape))
    return float(scale), int(zero_point)


def _parameters(graph: onnx.GraphProto, node: onnx.NodeProto) -> tuple[NDArray[Any], NDArray[Any]]:
    values = {tensor.name: tensor for tensor in graph.initializer}
    return numpy_helper.to_array(values[node.input[1]]), numpy_helper.to_array(values[node.input[2]])


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
