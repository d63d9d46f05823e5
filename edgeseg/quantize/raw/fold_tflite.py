"""The first convolutions of a float TFLite model made to take centred bytes; see the package.

A model is the schema's object form.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgeseg.core.types import Normalization
from edgeseg.quantize.raw import CENTRED
from edgeseg.quantize.raw.edit_tflite import add_constant, add_op, add_tensor, kind, pads_of, set_input, values
from edgeseg.quantize.weights.layers import Layer
from edgeseg.quantize.weights.layers_tflite import tflite_network

__all__ = ["detach_front", "fold_normalization", "stems_of"]

_Op = schema.BuiltinOperator


def fold_normalization(model: Any, normalization: Normalization, ring: bool = True) -> None:
    """Let, in place, a float model compute v (N, H, W, 3), in RGB order, from its input, and everything else from v.

    Without a `ring` only convolutions that do not pad are made to take v; the others get it normalized.
    """
    graph = model.subgraphs[0]
    given = int(graph.inputs[0])
    shape = graph.tensors[given].shape
    std, turned = 255 * np.array(normalization.std, np.float32), normalization.order == "BGR"
    centred, others = add_tensor(model, CENTRED, shape, "float32"), []
    for op in [op for op in graph.operators if given in op.inputs]:
        stems = stems_of(model, op)
        if not stems or not (ring or _pads_nothing(model, [op, *stems])):
            others.append(op)
            continue
        for layer in _layers(model, stems):
            weights = layer.weights()
            kernel = weights.kernel[:, ::-1] if turned else weights.kernel
            layer.put(replace(weights, kernel=kernel / std[:, None]))
        op.inputs = [centred, *op.inputs[1:]]
    if others:
        normalized = _normalize(model, centred, std, turned)
        for op in others:
            op.inputs = [normalized if index == given else index for index in op.inputs]
    _centre(model, given, centred, std, turned)


def detach_front(model: Any) -> None:
    """Make v the input, in place, once nothing is to be run on normalized pixels any more."""
    graph = model.subgraphs[0]
    centred = next(i for i, tensor in enumerate(graph.tensors) if tensor.name == CENTRED.encode())
    last = next(place for place, op in enumerate(graph.operators) if centred in op.outputs)
    del graph.operators[: last + 1]
    set_input(model, centred)


def stems_of(model: Any, op: Any) -> list[Any]:
    """The convolutions that an operator is or, if it pads their image, that read it; none for any other operator."""
    graph = model.subgraphs[0]
    if kind(model, op) == _Op.CONV_2D:
        return [op] if graph.tensors[op.inputs[0]].shape[-1] == graph.tensors[op.inputs[1]].shape[-1] else []
    if kind(model, op) != _Op.PAD or values(model, int(op.inputs[1]))[[0, 3]].any() or op.outputs[0] in graph.outputs:
        return []
    readers = [reader for reader in graph.operators if op.outputs[0] in reader.inputs]
    return readers if all(kind(model, reader) == _Op.CONV_2D for reader in readers) else []


def _pads_nothing(model: Any, ops: list[Any]) -> bool:
    return not any(any(pads_of(model, op)) for op in ops)


def _layers(model: Any, stems: list[Any]) -> list[Layer]:
    tensors = model.subgraphs[0].tensors
    results = {tensors[stem.outputs[0]].name.decode() for stem in stems}
    return [layer for layer in tflite_network(model).layers if layer.result in results]


def _centre(model: Any, given: int, centred: int, std: NDArray[np.float32], turned: bool) -> None:
    """Compute v first."""
    spread = add_constant(model, "pixel_range", std[::-1] if turned else std)
    shape = model.subgraphs[0].tensors[given].shape
    scaled = add_tensor(model, f"{CENTRED}_turned", shape, "float32") if turned else centred
    add_op(model, 0, "MUL", [given, spread], scaled, schema.MulOptionsT())
    if turned:
        options = schema.GatherOptionsT()
        options.axis = 3
        order = add_constant(model, "channel_order", np.array([2, 1, 0], np.int32))
        add_op(model, 1, "GATHER", [scaled, order], centred, options)


def _normalize(model: Any, centred: int, std: NDArray[np.float32], turned: bool) -> int:
    """Compute z of v, by a convolution; returns its index."""
    shape = model.subgraphs[0].tensors[centred].shape
    normalized = add_tensor(model, "normalized_bytes", shape, "float32")
    options = schema.Conv2DOptionsT() if turned else schema.DepthwiseConv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    options.padding = schema.Padding.VALID
    if not turned:
        options.depthMultiplier = 1
    kernel = np.diag(1 / std)[::-1, None, None] if turned else (1 / std)[None, None, None]
    parameters = [kernel.astype(np.float32), np.zeros(3, np.float32)]
    constants = [add_constant(model, f"normalized_bytes_{i}", value) for i, value in enumerate(parameters)]
    add_op(model, 0, "CONV_2D" if turned else "DEPTHWISE_CONV_2D", [centred, *constants], normalized, options)
    return normalized
