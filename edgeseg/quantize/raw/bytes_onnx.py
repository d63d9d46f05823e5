"""Bytes in the place of the centred ones that a quantized ONNX model takes; see the package."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from edgeseg.core.types import Normalization
from edgeseg.quantize.integers_onnx.stem import fold_stem
from edgeseg.quantize.passes.edit import Editor
from edgeseg.quantize.raw import CENTRED, mean_pixel, off_centre, ring_pixel
from edgeseg.quantize.weights.layers import Weights

__all__ = ["XOR_OPSET", "centre_bytes", "take_bytes"]

XOR_OPSET = 18
"""With which BitwiseXor came, that files with signed activations make their input of."""


def take_bytes(model: onnx.ModelProto, normalization: Normalization, name: str, pairs_fit: bool = False) -> None:
    """Let, in place, a model whose input is the integers of v take bytes (uint8), as an input called `name`.

    `pairs_fit` is that of `fold_stem`. With signed activations it has to be of `XOR_OPSET` at least.
    """
    _shift_biases(model, normalization)
    _shift_floats(model, normalization)
    fold_stem(model, pairs_fit)
    edit, given = Editor(model), model.graph.input[0]
    _lengthen(model, edit, normalization)
    for stem in list(_stems(model, edit)):
        _ring(edit, stem, normalization)
    if given.type.tensor_type.elem_type == onnx.TensorProto.INT8:
        edit.put_first(*_signed(edit, name))
    else:
        edit.rename(CENTRED, name)
    given.name, given.type.tensor_type.elem_type = name, onnx.TensorProto.UINT8


def centre_bytes(model: onnx.ModelProto, normalization: Normalization, name: str, *, channels_last: bool) -> None:
    """Let, in place, a model that takes v in float take bytes (uint8), as an input called `name`, and compute v."""
    edit, given = Editor(model), model.graph.input[0]
    shape = list(edit.shape(given.name))
    mean = edit.add_constant("mean_of_bytes", np.float32(mean_pixel(normalization)).reshape(1, 3, 1, 1))
    steps, planes = [], name
    if channels_last:
        shape, planes = [shape[0], *shape[2:], shape[1]], f"{name}_planes"
        steps.append(helper.make_node("Transpose", [name], [planes], perm=[0, 3, 1, 2]))
    steps.append(helper.make_node("Cast", [planes], [f"{name}_real"], to=onnx.TensorProto.FLOAT))
    steps.append(helper.make_node("Sub", [f"{name}_real", mean], [CENTRED]))
    given.CopyFrom(helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, shape))
    edit.put_first(*steps)


@dataclass(frozen=True)
class _Stem:
    """A convolution of v, in int8. `image` is the tensor of integers, channels last where a `transpose` follows it."""

    image: str
    shape: tuple[int, ...]
    transpose: bool
    dequantize: onnx.NodeProto
    convolution: onnx.NodeProto
    kernel: tuple[int, ...]
    """Its sides in pixels, or in cells; the attribute that tells them may be absent."""


def _stems(model: onnx.ModelProto, edit: Editor) -> Iterator[_Stem]:
    for convolution in [node for node in model.graph.node if node.op_type == "Conv"]:
        dequantize, parameter = (edit.writer(name) for name in convolution.input[:2])
        if dequantize is None or dequantize.op_type != "DequantizeLinear" or parameter is None:
            continue
        weights = edit.constant(parameter.input[0])
        kernel = () if weights is None else weights.shape[2:]
        image = dequantize.input[0]
        writer = edit.writer(image)
        if transpose := writer is not None and writer.op_type == "Transpose":
            image = writer.input[0]
            writer = edit.writer(image)
        if image == CENTRED:
            yield _Stem(image, edit.shape(image), transpose, dequantize, convolution, kernel)
        elif writer is not None and CENTRED in _behind(edit, writer):
            cells = edit.constant(writer.input[1])
            assert cells is not None
            yield _Stem(image, tuple(map(int, cells)), transpose, dequantize, convolution, kernel)


def _lengthen(model: onnx.ModelProto, edit: Editor, normalization: Normalization) -> None:
    """Let the rows of an image be filled up to whole cells with 255 mean where it would be with the zero point."""
    for node in [node for node in model.graph.node if node.op_type == "Pad" and node.input[0] == CENTRED]:
        ends, zero_point = edit.constant(node.input[1]), edit.constant(node.input[2])
        assert ends is not None and zero_point is not None
        shape = list(edit.shape(CENTRED))
        more = _border(edit, ring_pixel(normalization, zero_point.dtype), shape, 2, 3, int(ends[6]))
        edit.become(node, helper.make_node("Concat", [CENTRED, more], node.output, node.name, axis=2))


def _shift_biases(model: onnx.ModelProto, normalization: Normalization) -> None:
    """Take what lies between the zero point and 255 mean into the biases."""
    edit = Editor(model)
    shift = off_centre(normalization)
    for stem in _stems(model, edit):
        parameters = [node for name in stem.convolution.input[1:] if (node := edit.writer(name)) is not None]
        (kernel, scale), (bias, bias_scale) = (map(edit.constant, node.input[:2]) for node in parameters)
        assert kernel is not None and bias is not None and scale is not None and bias_scale is not None
        flat = kernel.astype(np.float64).reshape(*kernel.shape[:2], -1)
        reads = Weights(flat, bias, edit.attribute(stem.convolution, "group", 1)).reads
        moved = (flat.sum(axis=2) * shift[reads]).sum(axis=1) * scale / bias_scale
        parameters[1].input[0] = edit.add_constant("bias_of_bytes", np.rint(bias + moved).astype(np.int32))


def _shift_floats(model: onnx.ModelProto, normalization: Normalization) -> None:
    """Take it to what convolutions in float read."""
    edit = Editor(model)
    shift = np.float32(off_centre(normalization)).reshape(1, 3, 1, 1)
    for node in [node for node in model.graph.node if node.op_type == "Conv" and edit.writer(node.input[1]) is None]:
        before = edit.writer(node.input[0])
        if before is not None and before.op_type == "DequantizeLinear" and CENTRED in _behind(edit, before):
            moved = f"{node.output[0]}_centred"
            add = helper.make_node("Add", [node.input[0], edit.add_constant("shift_of_bytes", shift)], [moved])
            edit.rename(node.input[0], moved, node)
            edit.replace(node, add, node)


def _behind(edit: Editor, node: onnx.NodeProto) -> list[str]:
    """What a node reads, and the image where that is it in another layout or with more columns."""
    before = edit.writer(node.input[0])
    return [node.input[0], *(before.input[:1] if before is not None else ())]


def _ring(edit: Editor, stem: _Stem, normalization: Normalization) -> None:
    """Let a convolution read a ring of 255 mean around the image where it would pad with the zero point."""
    axes, channels = ((1, 2), 3) if stem.transpose else ((2, 3), 1)
    pads = _pads_read(edit, stem, axes)
    zero_point = edit.constant(stem.dequantize.input[2])
    assert zero_point is not None
    pixel = np.tile(ring_pixel(normalization, zero_point.dtype), stem.shape[channels] // 3)
    shape, name, steps = list(stem.shape), stem.image, []
    for axis, before, after in zip(axes, pads[:2], pads[2:], strict=True):
        if before or after:
            sides = [_border(edit, pixel, shape, axis, channels, count) for count in (before, after)]
            parts = [part for part in (sides[0], name, sides[1]) if part]
            name = f"{stem.convolution.output[0]}_ring_{axis}"
            steps.append(helper.make_node("Concat", parts, [name], axis=axis))
            shape[axis] += before + after
    if not steps:
        return
    if stem.transpose:
        steps.append(helper.make_node("Transpose", [name], [f"{name}_planes"], perm=[0, 3, 1, 2]))
    real = f"{name}_real"
    steps.append(helper.make_node("DequantizeLinear", [*steps[-1].output, *stem.dequantize.input[1:]], [real]))
    edit.replace(stem.convolution, *steps, stem.convolution)
    edit.rename(stem.convolution.input[0], real, stem.convolution)
    next(a for a in stem.convolution.attribute if a.name == "pads").ints[:] = [0] * 4
    _prune(edit, stem.dequantize)


def _pads_read(edit: Editor, stem: _Stem, axes: tuple[int, int]) -> list[int]:
    """The padding [top, left, bottom, right] of a convolution as far as it is ever read, which may end in the image."""
    pads = list(edit.attribute(stem.convolution, "pads", [0] * 4))
    strides, dilations = (edit.attribute(stem.convolution, name, [1, 1]) for name in ("strides", "dilations"))
    for i, axis in enumerate(axes):
        reach = (stem.kernel[i] - 1) * dilations[i] + 1
        beyond = (stem.shape[axis] + pads[i] + pads[2 + i] - reach) % strides[i]
        pads[2 + i] = max(0, pads[2 + i] - beyond)
    return pads


def _border(edit: Editor, pixel: NDArray[Any], shape: list[int], axis: int, channels: int, count: int) -> str:
    """A constant of `count` rows or columns of one pixel; empty for none."""
    if not count:
        return ""
    sides = [*shape[:axis], count, *shape[axis + 1 :]]
    line = pixel.reshape([-1 if i == channels else 1 for i in range(4)])
    return edit.add_constant("ring", np.ascontiguousarray(np.broadcast_to(line, sides)))


def _prune(edit: Editor, dequantize: onnx.NodeProto) -> None:
    """Remove what led to a convolution before, where nothing else reads it."""
    node: onnx.NodeProto | None = dequantize
    while node is not None and edit.unread(node.output[0]):
        edit.remove(node)
        node = edit.writer(node.input[0])


def _signed(edit: Editor, name: str) -> list[onnx.NodeProto]:
    """Bytes less 128 as int8, which is the highest bit turned over."""
    bit = edit.add_constant("highest_bit", np.array(128, np.uint8))
    return [
        helper.make_node("BitwiseXor", [name, bit], [f"{name}_turned"]),
        helper.make_node("Cast", [f"{name}_turned"], [CENTRED], to=onnx.TensorProto.INT8),
    ]
