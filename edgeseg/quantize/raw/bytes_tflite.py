"""Bytes in the place of the centred ones that a quantized TFLite model takes; see the package.

A model is the schema's object form.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgeseg.core.types import Normalization
from edgeseg.quantize.raw import CENTRED, centre
from edgeseg.quantize.raw.edit_tflite import add_constant, add_op, add_tensor, kind, pads_of, set_input, values
from edgeseg.quantize.raw.fold_tflite import stems_of

__all__ = ["take_bytes"]

_Op = schema.BuiltinOperator
_SIGNED = 128
"""What int8 tensors hold less than the bytes."""


def take_bytes(model: Any, normalization: Normalization) -> None:
    """Let, in place, a model whose input is the integers of v take bytes (uint8)."""
    graph = model.subgraphs[0]
    centred = int(graph.inputs[0])
    for op in [op for op in graph.operators if centred in op.inputs]:
        if kind(model, op) == _Op.DEQUANTIZE:
            _centre(model, op, normalization)
            continue
        for stem in stems_of(model, op) or [op]:
            _shift_bias(model, stem, normalization)
        _ring(model, op, 255 * np.array(normalization.mean))
    like = graph.tensors[centred].quantization
    unsigned = schema.QuantizationParametersT()
    unsigned.scale, unsigned.zeroPoint = like.scale, [int(like.zeroPoint[0]) + _SIGNED]
    given = add_tensor(model, "image", graph.tensors[centred].shape, "uint8", unsigned)
    add_op(model, 0, "QUANTIZE", [given], centred, schema.QuantizeOptionsT(), version=2)
    set_input(model, given)


def _centre(model: Any, dequantize: Any, normalization: Normalization) -> None:
    """Take what lies between the zero point and 255 mean to what stays in float."""
    graph, real = model.subgraphs[0], int(dequantize.outputs[0])
    shift = (centre(normalization) - 255 * np.array(normalization.mean)).astype(np.float32)
    moved = add_tensor(model, f"{CENTRED}_in_float", graph.tensors[real].shape, "float32")
    for reader in graph.operators:
        reader.inputs = [moved if given == real else given for given in reader.inputs]
    place = next(i for i, other in enumerate(graph.operators) if other is dequantize)
    add_op(model, place + 1, "ADD", [real, add_constant(model, "shift_of_bytes", shift)], moved, schema.AddOptionsT())


def _shift_bias(model: Any, op: Any, normalization: Normalization) -> None:
    """Take what lies between the zero point and 255 mean into the bias."""
    tensors = model.subgraphs[0].tensors
    shift = centre(normalization) - 255 * np.array(normalization.mean)
    kernel, bias = (values(model, int(op.inputs[i])).astype(np.float64) for i in (1, 2))
    depthwise = kind(model, op) == _Op.DEPTHWISE_CONV_2D
    moved = kernel.sum(axis=(0, 1, 2)) * shift if depthwise else kernel.sum(axis=(1, 2)) @ shift
    scales = [np.array(tensors[op.inputs[i]].quantization.scale, np.float64) for i in (1, 2)]
    steps = np.rint(bias + moved * scales[0] / scales[1]).astype(np.int32)
    op.inputs = [*op.inputs[:2], add_constant(model, "bias_of_bytes", steps, tensors[op.inputs[2]].quantization)]


def _ring(model: Any, op: Any, mean: NDArray[np.float64]) -> None:
    """Put a ring of `mean` around the image where an operator pads with the zero point, and let it pad no more."""
    graph = model.subgraphs[0]
    pads = pads_of(model, op)
    if not any(pads):
        return
    index = int(op.inputs[0])
    shape, quantization = list(graph.tensors[index].shape), graph.tensors[index].quantization
    pixel = (np.rint(mean) - _SIGNED).astype(np.int8)
    for axis, before, after in ((1, pads[0], pads[2]), (2, pads[1], pads[3])):
        sides = [_border(model, pixel, shape, axis, count, quantization) for count in (before, after)]
        shape[axis] += before + after
        parts = [*sides[0], index, *sides[1]]
        if len(parts) > 1:
            options = schema.ConcatenationOptionsT()
            options.axis = axis
            index = add_tensor(model, f"ring_{axis}_of_{len(graph.tensors)}", shape, "int8", quantization)
            place = next(i for i, other in enumerate(graph.operators) if other is op)
            add_op(model, place, "CONCATENATION", parts, index, options)
    if kind(model, op) == _Op.PAD:
        for reader in graph.operators:
            reader.inputs = [index if given == op.outputs[0] else given for given in reader.inputs]
        graph.operators.remove(op)
    else:
        op.inputs = [index, *op.inputs[1:]]
        op.builtinOptions.padding = schema.Padding.VALID


def _border(
    model: Any, pixel: NDArray[np.int8], shape: list[int], axis: int, count: int, quantization: Any
) -> list[int]:
    """A constant of `count` rows or columns of one pixel, as the list of its index; empty for none."""
    if not count:
        return []
    sides = [*shape[:axis], count, *shape[axis + 1 :]]
    return [add_constant(model, f"ring_{len(model.buffers)}", np.broadcast_to(pixel, sides), quantization)]
