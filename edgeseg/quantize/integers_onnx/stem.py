"""The first convolution over cells of four pixels, for int8 kernels that want a multiple of four channels.

An image that lies in memory as (H, W, 3) is one of (H, W / 4, 12) too. A convolution of it with stride 1, 2 or 4, dense
or depthwise, is a dense one of the cells, which gives 4, 2 or 1 neighbouring pixels as groups of channels: its kernel
holds the given one once for each of them, a stride apart and with zeros around. ONNX Runtime's kernel for three
channels copies the image apart pixel by pixel; that for twelve reads it in place, which saves more than the zeros cost.
A width that is no multiple of four is padded to one, as the convolution would pad it, and the pixels that this adds to
the result are cut off, as are channels that were added so that it gives a multiple of four.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from edgeseg.quantize.passes.edit import Editor, drop_unread
from edgeseg.quantize.passes.grouped import dense_kernel
from edgeseg.quantize.stem_cells import cell_kernel

__all__ = ["fold_stem"]

_PIXELS = 4
"""Of a cell."""
_VECTOR, _LEAST = 4, 16
"""Channels of which the kernel wants to give a multiple, and how many at the least."""


@dataclass(frozen=True)
class _Stem:
    """A convolution of the image, between what dequantizes the one and what quantizes the other."""

    start: onnx.NodeProto
    convolution: onnx.NodeProto
    parameters: list[onnx.NodeProto]
    end: onnx.NodeProto
    kernel: NDArray[Any]
    pads: list[int]
    strides: list[int]


def fold_stem(model: onnx.ModelProto, pairs_fit: bool = False) -> None:
    """Fold, in place, the convolutions of the image that a QDQ model with an NHWC integer input begins with.

    With `pairs_fit` depthwise ones stay: their weights have all 8 bits, of which a dense kernel adds two products.
    """
    edit, image = Editor(model), model.graph.input[0].name
    shape = edit.shape(image)
    if len(shape) != 4 or shape[3] != 3 or not all(shape):
        return
    planes = [node for node in edit.readers(image) if node.op_type == "Transpose"]
    starts = [node for plane in planes for node in edit.readers(plane.output[0])]
    for start in starts:
        for node in edit.readers(start.output[0]):
            stays = pairs_fit and edit.attribute(node, "group", 1) > 1
            stem = None if stays else _stem(edit, start, node)
            if stem is not None and _sides(stem, shape)[1] * stem.strides[1] <= _cells(shape) * _PIXELS:
                _fold(edit, stem, image, shape)
    edit.remove_unread(*starts)
    edit.remove_unread(*planes)
    drop_unread(model)


def _stem(edit: Editor, start: onnx.NodeProto, node: onnx.NodeProto) -> _Stem | None:
    if node.op_type != "Conv":
        return None
    parameters = [writer for name in node.input[1:] if (writer := edit.only_writer(name)) is not None]
    end = edit.only_reader(node.output[0])
    dequantized = all(given.op_type == "DequantizeLinear" for given in (start, *parameters))
    if end is None or end.op_type != "QuantizeLinear" or not dequantized or len(parameters) != len(node.input) - 1:
        return None
    kernel = edit.constant(parameters[0].input[0])
    strides = list(edit.attribute(node, "strides", [1, 1]))
    plain = list(edit.attribute(node, "dilations", [1, 1])) == [1, 1]
    if kernel is None or not plain or edit.attribute(node, "auto_pad", b"NOTSET") != b"NOTSET" or _PIXELS % strides[1]:
        return None
    kernel = dense_kernel(kernel, edit.attribute(node, "group", 1))
    return _Stem(start, node, parameters, end, kernel, list(edit.attribute(node, "pads", [0] * 4)), strides)


def _sides(stem: _Stem, shape: tuple[int, ...]) -> list[int]:
    """Height and width of what a convolution makes of an NHWC image."""
    padded = [shape[1 + i] + stem.pads[i] + stem.pads[2 + i] for i in range(2)]
    return [(padded[i] - stem.kernel.shape[2 + i]) // stem.strides[i] + 1 for i in range(2)]


def _cells(shape: tuple[int, ...]) -> int:
    """Cells in a row of an NHWC image."""
    return -(-shape[2] // _PIXELS)


def _fold(edit: Editor, stem: _Stem, image: str, shape: tuple[int, ...]) -> None:
    whole = stem.end.output[0]
    taken, given = (f"{stem.convolution.output[0]}_{kind}" for kind in ("image", "result"))
    pixels, outputs = _PIXELS // stem.strides[1], len(stem.kernel)
    spare = -outputs % (_VECTOR // gcd(pixels, _VECTOR))
    if pixels * (outputs + spare) < _LEAST:
        spare = 0
    _cut_image(edit, stem, image, shape, taken)
    _join_result(edit, stem, shape, given, spare)
    channels = np.minimum(np.arange(outputs + spare), outputs - 1)
    kernel, before, after = cell_kernel(stem.kernel[channels], stem.strides[1], stem.pads[1], _PIXELS)
    for node in stem.parameters:
        of_channels = edit.attribute(node, "axis", None) is not None
        for i, value in enumerate(map(edit.constant, node.input)):
            if value is not None and value.shape[:1] == (outputs,) and (of_channels or not i):
                node.input[i] = edit.add_constant(f"{node.input[i]}_cells", np.concatenate([value[channels]] * pixels))
    stem.parameters[0].input[0] = edit.add_constant("cells_kernel", kernel)
    pads = [stem.pads[0], before, stem.pads[2], after]
    folded = helper.make_node(
        "Conv",
        [taken, *stem.convolution.input[1:]],
        stem.convolution.output,
        stem.convolution.name,
        kernel_shape=kernel.shape[2:],
        pads=pads,
        strides=[stem.strides[0], 1],
    )
    edit.become(stem.convolution, folded)
    edit.forget(*folded.output, whole)


def _cut_image(edit: Editor, stem: _Stem, image: str, shape: tuple[int, ...], taken: str) -> None:
    """Let `taken` be the planes of the image's cells."""
    batch, height, width, _ = shape
    missing = _cells(shape) * _PIXELS - width
    if missing:
        ends = edit.add_constant("missing_pixels", np.array([0] * 6 + [missing, 0]))
        edit.put_last(helper.make_node("Pad", [image, ends, stem.start.input[2]], [f"{taken}_padded"]))
        image = f"{taken}_padded"
    cells = edit.add_constant("cells_shape", np.array([batch, height, _cells(shape), 3 * _PIXELS]))
    edit.put_last(
        helper.make_node("Reshape", [image, cells], [f"{taken}_cells"]),
        helper.make_node("Transpose", [f"{taken}_cells"], [f"{taken}_planes"], perm=[0, 3, 1, 2]),
        helper.make_node("DequantizeLinear", [f"{taken}_planes", *stem.start.input[1:]], [taken]),
    )


def _join_result(edit: Editor, stem: _Stem, shape: tuple[int, ...], given: str, spare: int) -> None:
    """Make what the stem gave of `given`, which is the same in groups of channels, each with so many to spare."""
    (rows, columns), outputs = _sides(stem, shape), len(stem.kernel)
    more = _cells(shape) * _PIXELS // stem.strides[1]
    pixels = edit.add_constant("pixels_shape", np.array([shape[0], rows, more, outputs + spare]))
    whole, joined = stem.end.output[0], f"{given}_pixels"
    edit.rename(whole, given, stem.end)
    edit.put_last(helper.make_node("Transpose", [given], [f"{given}_cells"], perm=[0, 2, 3, 1]))
    edit.put_last(helper.make_node("Reshape", [f"{given}_cells", pixels], [joined]))
    if columns < more or spare:
        cut = {"first": [0, 0], "end": [columns, outputs], "axis": [2, 3]}
        bounds = [edit.add_constant(kind, np.array(values)) for kind, values in cut.items()]
        edit.put_last(helper.make_node("Slice", [joined, *bounds], [f"{given}_cut"]))
        joined = f"{given}_cut"
    edit.put_last(helper.make_node("Transpose", [joined], [whole], perm=[0, 3, 1, 2]))
