"""The layers of a TFLite model in the schema's object form, see `layers.py`."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgeseg.quantize.weights.layers import Floats, Layer, Network, Step, Weights, find_network
from edgeseg.quantize.weights.window import Window, same_padding

__all__ = ["tflite_network"]

_Op = schema.BuiltinOperator
_LAYERS = {_Op.CONV_2D, _Op.DEPTHWISE_CONV_2D, _Op.FULLY_CONNECTED}
_EACH = {
    _Op.AVERAGE_POOL_2D,
    _Op.LEAKY_RELU,
    _Op.MAX_POOL_2D,
    _Op.PAD,
    _Op.PRELU,
    _Op.RELU,
    _Op.RESIZE_BILINEAR,
    _Op.RESIZE_NEAREST_NEIGHBOR,
}
_SHAPES = {_Op.RESHAPE, _Op.SQUEEZE}
"""Where there is one pixel, they leave the channels."""
_UNLIMITED = {schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU}


def tflite_network(model: Any) -> Network:
    """Every convolution and FULLY_CONNECTED of the first subgraph whose weights are float constants."""
    graph = model.subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    widths = {tensor.name.decode(): int(tensor.shape[-1]) if len(tensor.shape) else 0 for tensor in graph.tensors}
    operations: list[Layer | Step] = []
    for op in graph.operators:
        kind = _kind(model, op)
        if kind in _LAYERS and _is_layer(model, op):
            operations.append(_layer(model, op, depthwise=kind == _Op.DEPTHWISE_CONV_2D))
        else:
            operations.append(_step(model, op, kind, names))
    return find_network(operations, widths.__getitem__, [names[i] for i in graph.outputs])


def _step(model: Any, op: Any, kind: int, names: list[str]) -> Step:
    graph = model.subgraphs[0]
    read = [int(i) for i in op.inputs if i >= 0]
    given, results = tuple(names[i] for i in read), tuple(names[i] for i in op.outputs)
    ranks = [len(graph.tensors[i].shape) for i in read]
    if not ranks or not _is_homogeneous(op):
        return Step("other", given, results)
    shape = graph.tensors[read[0]].shape
    if (kind in _EACH and len(shape) == 4) or (kind in _SHAPES and len(shape) > 1 and np.prod(shape[1:-1]) == 1):
        return Step("each", given[:1], results, _slope(model, op, kind))
    if kind == _Op.MEAN and max(ranks) == 4 and _over_pixels(graph, op):
        return Step("each", given[:1], results)
    if kind == _Op.ADD and max(ranks) == 4:
        return Step("sum", given, results)
    if kind == _Op.MUL and max(ranks) == 4:
        largest = sorted(read, key=lambda i: -int(np.prod(graph.tensors[i].shape)))
        return Step("product", tuple(names[i] for i in largest), results)
    if kind == _Op.CONCATENATION and min(ranks) == 4 and op.builtinOptions.axis in (-1, 3):
        return Step("join", given, results)
    return Step("other", given, results)


def _slope(model: Any, op: Any, kind: int) -> float | None:
    if kind == _Op.LEAKY_RELU:
        return float(op.builtinOptions.alpha)
    if kind != _Op.PRELU or not _is_constant(model, op.inputs[1]):
        return None
    return float(np.sqrt(np.square(_values(model, op.inputs[1])).mean()))


def _over_pixels(graph: Any, op: Any) -> bool:
    """Whether a MEAN leaves one value a channel."""
    given, result = (list(graph.tensors[i].shape) for i in (op.inputs[0], op.outputs[0]))
    return bool(given[-1] == result[-1] and np.prod(result[1:-1]) == 1)


def _kind(model: Any, op: Any) -> int:
    code = model.operatorCodes[op.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def _is_homogeneous(op: Any) -> bool:
    return getattr(op.builtinOptions, "fusedActivationFunction", schema.ActivationFunctionType.NONE) in _UNLIMITED


def _is_layer(model: Any, op: Any) -> bool:
    """Whether its weights are float constants, and its channels those of the tensor that it reads."""
    tensors = model.subgraphs[0].tensors
    indices = [i for i in op.inputs[1:] if i >= 0]
    constants = [tensors[i] for i in indices]
    floats = all(tensor.type == schema.TensorType.FLOAT32 for tensor in constants)
    inputs, shape = tensors[op.inputs[0]].shape[-1], constants[0].shape
    matching = inputs == shape[-1] or _kind(model, op) != _Op.FULLY_CONNECTED
    return matching and floats and all(_is_constant(model, i) for i in indices)


def _is_constant(model: Any, index: int) -> bool:
    data = model.buffers[model.subgraphs[0].tensors[index].buffer].data
    return data is not None and len(data) > 0


def _layer(model: Any, op: Any, depthwise: bool) -> Layer:
    tensors = model.subgraphs[0].tensors
    given, result, kernel_tensor = (tensors[i] for i in (op.inputs[0], op.outputs[0], op.inputs[1]))
    shape, inputs = tuple(kernel_tensor.shape), int(given.shape[-1])

    def weights() -> Weights:
        has_bias = len(op.inputs) > 2 and op.inputs[2] >= 0
        stored = _values(model, op.inputs[1])
        flat = stored.reshape(-1, shape[-1]).T[:, None] if depthwise else stored.reshape(shape[0], -1, shape[-1])
        kernel = flat if depthwise else flat.transpose(0, 2, 1)
        bias = _values(model, op.inputs[2]) if has_bias else np.zeros(len(kernel), np.float32)
        return Weights(kernel, bias, inputs // kernel.shape[1])

    def put(changed: Weights) -> None:
        kernel = changed.kernel[:, 0].T if depthwise else changed.kernel.transpose(0, 2, 1)
        _store(model, op, 1, kernel.reshape(shape))
        if len(op.inputs) < 3 or op.inputs[2] < 0:
            op.inputs = [*op.inputs[:2], _add(model, kernel_tensor, (len(changed.bias),), result.name)]
        _store(model, op, 2, changed.bias)

    window = _window(given, shape, op)
    return Layer(given.name.decode(), result.name.decode(), -1, _is_homogeneous(op), weights, put, window)


def _window(given: Any, shape: tuple[int, ...], op: Any) -> Window:
    options = op.builtinOptions
    if len(shape) != 4:
        return Window()
    window = Window(
        (shape[1], shape[2]),
        (options.strideH, options.strideW),
        (options.dilationHFactor, options.dilationWFactor),
    )
    return same_padding(given.shape[1:3], window) if options.padding == schema.Padding.SAME else window


def _values(model: Any, index: int) -> NDArray[np.float32]:
    return np.frombuffer(bytes(model.buffers[model.subgraphs[0].tensors[index].buffer].data), np.float32)


def _store(model: Any, op: Any, position: int, values: Floats) -> None:
    """Write a constant that an operator reads; one that is read elsewhere too is left as it is, for those others."""
    graph = model.subgraphs[0]
    index = int(op.inputs[position])
    tensor = graph.tensors[index]
    readers = sum(int(index in other.inputs) for other in graph.operators)
    if readers > 1 or sum(other.buffer == tensor.buffer for part in model.subgraphs for other in part.tensors) > 1:
        op.inputs[position] = _add(model, tensor, tensor.shape, graph.tensors[op.outputs[0]].name)
        tensor = graph.tensors[-1]
    model.buffers[tensor.buffer].data = np.frombuffer(values.astype(np.float32).tobytes(), np.uint8)


def _add(model: Any, like: Any, shape: tuple[int, ...], owner: bytes) -> int:
    """Add an empty constant to the first subgraph and return its index."""
    tensors = model.subgraphs[0].tensors
    tensor = copy.copy(like)
    tensor.name, tensor.shape, tensor.buffer = b"%s_%d" % (owner, len(tensors)), list(shape), len(model.buffers)
    tensor.shapeSignature = None
    model.buffers.append(schema.BufferT())
    tensors.append(tensor)
    return len(tensors) - 1
