"""Bytes in the place of the centred ones that a quantized TFLite model takes; see the package.

A model is the schema's object form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgeseg.core.types import Normalization
from edgeseg.quantize.raw import CENTRED, off_centre, ring_pixel
from edgeseg.quantize.raw.fold_tflite import stems_of
from edgeseg.quantize.tflite_passes.edit import Editor, Op

__all__ = ["take_bytes"]

_SIGNED = 128
"""What int8 tensors hold less than the bytes."""


def take_bytes(model: Any, normalization: Normalization) -> None:
    """Let, in place, a model whose input is the integers of v take bytes (uint8)."""
    edit = Editor(model)
    centred = edit.input
    for op in edit.readers(centred):
        if edit.kind(op) == Op.DEQUANTIZE:
            _centre(edit, op, normalization)
            continue
        stems = stems_of(edit, op) or [op]
        for stem in stems:
            _shift_bias(edit, stem, normalization)
        for padding in [op, *(stem for stem in stems if stem is not op)]:
            _ring(edit, padding, normalization)
    like = edit.tensor(centred).quantization
    unsigned = schema.QuantizationParametersT()
    unsigned.scale, unsigned.zeroPoint = like.scale, [int(like.zeroPoint[0]) + _SIGNED]
    given = edit.add_tensor("image", edit.shape(centred), centred, unsigned)
    edit.tensor(given).type = schema.TensorType.UINT8
    quantize = edit.operator(Op.QUANTIZE, [given], [centred], schema.QuantizeOptionsT())
    edit.need_version(quantize, 2)
    edit.put_first(quantize)
    edit.set_input(given)


def _centre(edit: Editor, dequantize: Any, normalization: Normalization) -> None:
    """Take what lies between the zero point and 255 mean to what stays in float."""
    real = int(dequantize.outputs[0])
    shift = off_centre(normalization).astype(np.float32)
    moved = edit.add_tensor(f"{CENTRED}_in_float", edit.shape(real), real)
    edit.reread(real, moved)
    constant = edit.add_constant("shift_of_bytes", shift)
    edit.replace(dequantize, dequantize, edit.operator(Op.ADD, [real, constant], [moved], schema.AddOptionsT()))


def _shift_bias(edit: Editor, op: Any, normalization: Normalization) -> None:
    """Take what lies between the zero point and 255 mean into the bias."""
    shift = off_centre(normalization)
    kernel, bias = (edit.constant(index) for index in op.inputs[1:3])
    assert kernel is not None and bias is not None
    sums = kernel.astype(np.float64).sum(axis=(1, 2))
    moved = sums[0] * shift if edit.kind(op) == Op.DEPTHWISE_CONV_2D else sums @ shift
    scales = [np.array(edit.tensor(index).quantization.scale, np.float64) for index in op.inputs[1:3]]
    steps = np.rint(bias + moved * scales[0] / scales[1]).astype(np.int32)
    added = edit.add_constant("bias_of_bytes", steps, edit.tensor(op.inputs[2]).quantization)
    op.inputs = [*op.inputs[:2], added]


def _ring(edit: Editor, op: Any, normalization: Normalization) -> None:
    """Put a ring of 255 mean around the image where an operator pads with the zero point, and let it pad no more."""
    pads, index, joins = edit.pads(op), int(op.inputs[0]), []
    if not np.any(pads):
        return
    shape, like = list(edit.shape(index)), index
    pixel = ring_pixel(normalization, np.int8)
    for axis, counts in enumerate(pads, start=1):
        before, behind = (_border(edit, pixel, shape, axis, count, like) for count in counts)
        shape[axis] += sum(counts)
        if before or behind:
            options = schema.ConcatenationOptionsT()
            options.axis = axis
            ringed = edit.add_tensor("ring", shape, like)
            joins.append(edit.operator(Op.CONCATENATION, [*before, index, *behind], [ringed], options))
            index = ringed
    if edit.kind(op) == Op.PAD:
        edit.reread(int(op.outputs[0]), index)
        edit.replace(op, *joins)
    else:
        op.inputs = [index, *op.inputs[1:]]
        op.builtinOptions.padding = schema.Padding.VALID
        edit.replace(op, *joins, op)


def _border(edit: Editor, pixel: NDArray[np.int8], shape: Sequence[int], axis: int, count: int, like: int) -> list[int]:
    """A constant of `count` rows or columns of one pixel, as the list of its index; empty for none."""
    if not count:
        return []
    sides = [*shape[:axis], count, *shape[axis + 1 :]]
    return [edit.add_constant("border", np.broadcast_to(pixel, sides), edit.tensor(like).quantization)]
