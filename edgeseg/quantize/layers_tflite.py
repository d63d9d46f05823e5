"""The layers of a TFLite model in the schema's object form, see `layers.py`."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgeseg.quantize.layers import Floats, Layer, Network, Weights, find_links

__all__ = ["tflite_network"]

_Op = schema.BuiltinOperator
_LAYERS = {_Op.CONV_2D, _Op.DEPTHWISE_CONV_2D, _Op.FULLY_CONNECTED}
_HOMOGENEOUS = {_Op.AVERAGE_POOL_2D, _Op.LEAKY_RELU, _Op.MAX_POOL_2D, _Op.PAD, _Op.PRELU, _Op.RELU}
_UNLIMITED = {schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU}


def tflite_network(model: Any) -> Network:
    """Every convolution and FULLY_CONNECTED of the first subgraph whose weights are float constants."""
    graph = model.subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    reads = Counter(names[i] for op in graph.operators for i in op.inputs if i >= 0)
    reads.update(names[i] for i in graph.outputs)
    layers, steps = [], {}
    for op in graph.operators:
        kind = _kind(model, op)
        if kind in _LAYERS and _is_layer(model, op):
            layers.append(_layer(model, op, depthwise=kind == _Op.DEPTHWISE_CONV_2D))
        elif kind in _HOMOGENEOUS and _is_homogeneous(op):
            steps[names[op.inputs[0]]] = names[op.outputs[0]]
    return Network(tuple(layers), find_links(layers, steps, reads))


def _kind(model: Any, op: Any) -> int:
    code = model.operatorCodes[op.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def _is_homogeneous(op: Any) -> bool:
    return getattr(op.builtinOptions, "fusedActivationFunction", schema.ActivationFunctionType.NONE) in _UNLIMITED


def _is_layer(model: Any, op: Any) -> bool:
    """Whether its weights are float constants, and its channels those of the tensor that it reads."""
    tensors = model.subgraphs[0].tensors
    constants = [tensors[i] for i in op.inputs[1:] if i >= 0]
    stored = [model.buffers[tensor.buffer].data for tensor in constants]
    floats = all(tensor.type == schema.TensorType.FLOAT32 for tensor in constants)
    inputs, shape = tensors[op.inputs[0]].shape[-1], constants[0].shape
    matching = inputs == shape[-1] or _kind(model, op) != _Op.FULLY_CONNECTED
    return matching and floats and all(data is not None and len(data) for data in stored)


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

    return Layer(given.name.decode(), result.name.decode(), -1, _is_homogeneous(op), weights, put)


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
