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
from edgeseg.quantize.tflite_passes.edit import Editor, Op
from edgeseg.quantize.weights.layers_tflite import tflite_network

__all__ = ["detach_front", "fold_normalization", "stems_of"]


def fold_normalization(model: Any, normalization: Normalization, ring: bool = True) -> None:
    """Let, in place, a float model compute v (N, H, W, 3), in RGB order, from its input, and everything else from v.

    Without a `ring` only convolutions that do not pad are made to take v; the others get it normalized.
    """
    edit = Editor(model)
    given = edit.input
    std, turned = 255 * np.array(normalization.std, np.float32), normalization.order == "BGR"
    centred, others = edit.add_tensor(CENTRED, edit.shape(given), given), []
    edit.tensor(centred).name = CENTRED.encode()
    for op in edit.readers(given):
        stems = stems_of(edit, op)
        if not stems or not (ring or _pads_nothing(edit, [op, *stems])):
            others.append(op)
            continue
        results = {edit.tensor(stem.outputs[0]).name.decode() for stem in stems}
        for layer in tflite_network(model).layers:
            if layer.result in results:
                weights = layer.weights()
                kernel = weights.kernel[:, ::-1] if turned else weights.kernel
                layer.put(replace(weights, kernel=kernel / std[:, None]))
        edit.reread(given, centred, op)
    front = _centre(edit, given, centred, std, turned)
    if others:
        front.append(normalize := _normalize(edit, centred, std, turned))
        edit.reread(given, normalize.outputs[0], *others)
    edit.put_first(*front)


def detach_front(model: Any) -> None:
    """Make v the input, in place, once nothing is to be run on normalized pixels any more."""
    graph = model.subgraphs[0]
    centred = next(i for i, tensor in enumerate(graph.tensors) if tensor.name == CENTRED.encode())
    last = next(place for place, op in enumerate(graph.operators) if centred in op.outputs)
    del graph.operators[: last + 1]
    Editor(model).set_input(centred)


def stems_of(edit: Editor, op: Any) -> list[Any]:
    """The convolutions that an operator is or, if it pads their image, that read it; none for any other operator."""
    if edit.kind(op) == Op.CONV_2D:
        return [op] if edit.shape(op.inputs[0])[-1] == edit.shape(op.inputs[1])[-1] else []
    if edit.kind(op) != Op.PAD or edit.is_output(op.outputs[0]):
        return []
    amounts = edit.constant(op.inputs[1])
    if amounts is None or amounts[[0, 3]].any():
        return []
    readers = edit.readers(op.outputs[0])
    return readers if all(edit.kind(reader) == Op.CONV_2D for reader in readers) else []


def _pads_nothing(edit: Editor, ops: list[Any]) -> bool:
    return not any(np.any(edit.pads(op)) for op in ops)


def _centre(edit: Editor, given: int, centred: int, std: NDArray[np.float32], turned: bool) -> list[Any]:
    """What computes v."""
    spread = edit.add_constant("pixel_range", std[::-1] if turned else std)
    if not turned:
        return [edit.operator(Op.MUL, [given, spread], [centred], schema.MulOptionsT())]
    scaled = edit.add_tensor(f"{CENTRED}_turned", edit.shape(given), given)
    options = schema.GatherOptionsT()
    options.axis = 3
    order = edit.add_constant("channel_order", np.array([2, 1, 0], np.int32))
    return [
        edit.operator(Op.MUL, [given, spread], [scaled], schema.MulOptionsT()),
        edit.operator(Op.GATHER, [scaled, order], [centred], options),
    ]


def _normalize(edit: Editor, centred: int, std: NDArray[np.float32], turned: bool) -> Any:
    """The convolution that computes z of v."""
    options = schema.Conv2DOptionsT() if turned else schema.DepthwiseConv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    options.padding = schema.Padding.VALID
    if not turned:
        options.depthMultiplier = 1
    kernel = np.diag(1 / std)[::-1, None, None] if turned else (1 / std)[None, None, None]
    weights = edit.add_constant("normalized_bytes_weights", kernel.astype(np.float32))
    bias = edit.add_constant("normalized_bytes_bias", np.zeros(3, np.float32))
    normalized = edit.add_tensor("normalized_bytes", edit.shape(centred), centred)
    kind = Op.CONV_2D if turned else Op.DEPTHWISE_CONV_2D
    return edit.operator(kind, [centred, weights, bias], [normalized], options)
