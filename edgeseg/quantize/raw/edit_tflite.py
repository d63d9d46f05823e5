"""What the rewrites of a TFLite model's input ask and do.

A model is the schema's object form, of which the first graph counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

__all__ = ["add_constant", "add_op", "add_tensor", "kind", "pads_of", "set_input", "values"]

_TYPES = {"float32": "FLOAT32", "int32": "INT32", "int64": "INT64", "int8": "INT8", "uint8": "UINT8"}


def kind(model: Any, op: Any) -> int:
    """The builtin operator."""
    code = model.operatorCodes[op.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def values(model: Any, index: int) -> NDArray[Any]:
    """The value of a constant tensor."""
    tensor = model.subgraphs[0].tensors[index]
    types = {getattr(schema.TensorType, name): dtype for dtype, name in _TYPES.items()}
    data: NDArray[Any] = np.frombuffer(bytes(model.buffers[tensor.buffer].data), types[tensor.type])
    return data.reshape(list(tensor.shape))


def add_tensor(model: Any, name: str, shape: Iterable[int], dtype: str, quantization: Any = None) -> int:
    """Add a tensor without a value to the graph; returns its index."""
    tensors = model.subgraphs[0].tensors
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.quantization = name.encode(), [int(side) for side in shape], quantization
    tensor.type, tensor.buffer, tensor.hasRank = getattr(schema.TensorType, _TYPES[dtype]), 0, True
    tensors.append(tensor)
    return len(tensors) - 1


def add_constant(model: Any, name: str, value: NDArray[Any], quantization: Any = None) -> int:
    """Add a tensor with a value to the graph; returns its index."""
    index = add_tensor(model, name, value.shape, value.dtype.name, quantization)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
    model.subgraphs[0].tensors[index].buffer = len(model.buffers)
    model.buffers.append(buffer)
    return index


def add_op(
    model: Any, place: int, name: str, inputs: list[int], output: int, options: Any = None, version: int = 1
) -> None:
    """Put an operator, by its name in the schema, before the one at `place`. `options` are its builtin ones."""
    code = schema.OperatorCodeT()
    code.builtinCode, code.version = getattr(schema.BuiltinOperator, name), version
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    op = schema.OperatorT()
    op.opcodeIndex, op.inputs, op.outputs = len(model.operatorCodes), inputs, [output]
    model.operatorCodes.append(code)
    if options is not None:
        op.builtinOptions = options
        op.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
    model.subgraphs[0].operators.insert(place, op)


def set_input(model: Any, index: int) -> None:
    """Make a tensor the graph's input, in its signatures too."""
    graph = model.subgraphs[0]
    old, graph.inputs = int(graph.inputs[0]), [index]
    for signature in model.signatureDefs or ():
        for entry in signature.inputs:
            if entry.tensorIndex == old and signature.subgraphIndex == 0:
                entry.tensorIndex = index


def pads_of(model: Any, op: Any) -> list[int]:
    """[top, left, bottom, right] of what a CONV_2D or DEPTHWISE_CONV_2D pads, or a PAD in its image's plane."""
    graph = model.subgraphs[0]
    if kind(model, op) == schema.BuiltinOperator.PAD:
        amounts = values(model, int(op.inputs[1]))
        return [int(amounts[axis, side]) for side in (0, 1) for axis in (1, 2)]
    options = op.builtinOptions
    if options.padding == schema.Padding.VALID:
        return [0] * 4
    image, kernel, result = (graph.tensors[i].shape for i in (op.inputs[0], op.inputs[1], op.outputs[0]))
    total = []
    for axis, stride, dilation in (
        (1, options.strideH, options.dilationHFactor),
        (2, options.strideW, options.dilationWFactor),
    ):
        reach = (int(kernel[axis]) - 1) * dilation + 1
        total.append(max(0, (int(result[axis]) - 1) * stride + reach - int(image[axis])))
    before = [count // 2 for count in total]
    return [*before, *(count - first for count, first in zip(total, before, strict=True))]
