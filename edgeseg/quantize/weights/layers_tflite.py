"""The layers of a TFLite model in the schema's object form, see `layers.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgeseg.quantize.tflite_passes.edit import Editor, Op
from edgeseg.quantize.weights.layers import Floats, Layer, Network, Step, Weights, find_network
from edgeseg.quantize.weights.window import Window, same_padding

__all__ = ["tflite_network"]

_LAYERS = {Op.CONV_2D, Op.DEPTHWISE_CONV_2D, Op.FULLY_CONNECTED}
_EACH = {
    Op.AVERAGE_POOL_2D,
    Op.LEAKY_RELU,
    Op.MAX_POOL_2D,
    Op.PAD,
    Op.PRELU,
    Op.RELU,
    Op.RESIZE_BILINEAR,
    Op.RESIZE_NEAREST_NEIGHBOR,
}
_SHAPES = {Op.RESHAPE, Op.SQUEEZE}
"""Where there is one pixel, they leave the channels."""
_UNLIMITED = {schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU}


def tflite_network(model: Any) -> Network:
    """Every convolution and FULLY_CONNECTED of the first subgraph whose weights are float constants."""
    edit, graph = Editor(model), model.subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    widths = {tensor.name.decode(): int(tensor.shape[-1]) if len(tensor.shape) else 0 for tensor in graph.tensors}
    operations: list[Layer | Step] = []
    for op in graph.operators:
        if edit.kind(op) in _LAYERS and _is_layer(edit, op):
            operations.append(_layer(model, edit, op))
        else:
            operations.append(_step(edit, op, names))
    return find_network(operations, widths.__getitem__, [names[i] for i in graph.outputs])


def _step(edit: Editor, op: Any, names: list[str]) -> Step:
    kind, read = edit.kind(op), [int(i) for i in op.inputs if i >= 0]
    given, results = tuple(names[i] for i in read), tuple(names[i] for i in op.outputs)
    ranks = [len(edit.shape(i)) for i in read]
    if not ranks or not _is_homogeneous(op):
        return Step("other", given, results)
    shape = edit.shape(read[0])
    if (kind in _EACH and len(shape) == 4) or (kind in _SHAPES and len(shape) > 1 and np.prod(shape[1:-1]) == 1):
        return Step("each", given[:1], results, _slope(edit, op))
    if kind == Op.MEAN and max(ranks) == 4 and _over_pixels(edit, op):
        return Step("each", given[:1], results)
    if kind == Op.ADD and max(ranks) == 4:
        return Step("sum", given, results)
    if kind == Op.MUL and max(ranks) == 4:
        largest = sorted(read, key=lambda i: -int(np.prod(edit.shape(i))))
        return Step("product", tuple(names[i] for i in largest), results)
    if kind == Op.CONCATENATION and min(ranks) == 4 and op.builtinOptions.axis in (-1, 3):
        return Step("join", given, results)
    return Step("other", given, results)


def _slope(edit: Editor, op: Any) -> float | None:
    if edit.kind(op) == Op.LEAKY_RELU:
        return float(op.builtinOptions.alpha)
    slopes = edit.constant(op.inputs[1]) if edit.kind(op) == Op.PRELU else None
    return None if slopes is None else float(np.sqrt(np.square(slopes).mean()))


def _over_pixels(edit: Editor, op: Any) -> bool:
    """Whether a MEAN leaves one value a channel."""
    given, result = edit.shape(op.inputs[0]), edit.shape(op.outputs[0])
    return bool(given[-1] == result[-1] and np.prod(result[1:-1]) == 1)


def _is_homogeneous(op: Any) -> bool:
    return getattr(op.builtinOptions, "fusedActivationFunction", schema.ActivationFunctionType.NONE) in _UNLIMITED


def _is_layer(edit: Editor, op: Any) -> bool:
    """Whether its weights are float constants, and its channels those of the tensor that it reads."""
    constants = [i for i in op.inputs[1:] if i >= 0]
    floats = all(edit.is_constant(i) and edit.tensor(i).type == schema.TensorType.FLOAT32 for i in constants)
    matching = edit.shape(op.inputs[0])[-1] == edit.shape(constants[0])[-1] or edit.kind(op) != Op.FULLY_CONNECTED
    return matching and floats


def _layer(model: Any, edit: Editor, op: Any) -> Layer:
    given, result = edit.tensor(op.inputs[0]), edit.tensor(op.outputs[0])
    shape, inputs, depthwise = edit.shape(op.inputs[1]), int(given.shape[-1]), edit.kind(op) == Op.DEPTHWISE_CONV_2D

    def constant(place: int) -> NDArray[Any]:
        value = edit.constant(op.inputs[place])
        assert value is not None
        return value

    def weights() -> Weights:
        has_bias = len(op.inputs) > 2 and op.inputs[2] >= 0
        stored = constant(1)
        flat = stored.reshape(-1, shape[-1]).T[:, None] if depthwise else stored.reshape(shape[0], -1, shape[-1])
        kernel = flat if depthwise else flat.transpose(0, 2, 1)
        bias = constant(2).reshape(-1) if has_bias else np.zeros(len(kernel), np.float32)
        return Weights(kernel, bias, inputs // kernel.shape[1])

    def put(changed: Weights) -> None:
        kernel = changed.kernel[:, 0].T if depthwise else changed.kernel.transpose(0, 2, 1)
        _store(model, edit, op, 1, kernel)
        if len(op.inputs) > 2 and op.inputs[2] >= 0:
            _store(model, edit, op, 2, changed.bias)
        else:
            bias = np.asarray(changed.bias, np.float32)
            op.inputs = [*op.inputs[:2], _add(edit, op, bias, edit.tensor(op.inputs[1]))]

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


def _store(model: Any, edit: Editor, op: Any, place: int, values: Floats) -> None:
    """Write a constant that an operator reads; one that is read elsewhere too is left as it is, for those others."""
    index = op.inputs[place]
    tensor, stored = edit.tensor(index), np.asarray(values, np.float32).reshape(edit.shape(index))
    sharing = sum(other.buffer == tensor.buffer for part in model.subgraphs for other in part.tensors)
    if sharing > 1 or len(edit.readers(index)) > 1:
        op.inputs[place] = _add(edit, op, stored, tensor)
    else:
        model.buffers[tensor.buffer].data = np.frombuffer(stored.tobytes(), np.uint8)


def _add(edit: Editor, op: Any, values: Floats, like: Any) -> int:
    """Add a constant for an operator, with what another tells besides shape and values."""
    index = edit.add_constant(edit.tensor(op.outputs[0]).name.decode(), values, like.quantization)
    edit.tensor(index).hasRank = like.hasRank
    return index
