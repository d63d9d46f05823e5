"""ConvTranspose, which ONNX Runtime computes in float only, as a convolution that gives a cell of pixels as channels.

Pixel s * c + r of a transposed convolution of stride s and padding p is the sum over given pixels i of the kernel's tap
r + p - s * (i - c): for every r another kernel of few taps, over the same pixels. DepthToSpace puts the pixels in their
places, behind an activation, so that nothing is rounded that the activation cuts off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from edgeseg.quantize.passes.edit import Editor

__all__ = ["convolve_transposed"]

_ACTIVATIONS = {"Relu", "Clip", "LeakyRelu"}


def convolve_transposed(model: onnx.ModelProto) -> int:
    """Replace, in place, every ConvTranspose of one group that enlarges a map by its stride; returns how many."""
    edit, done = Editor(model), 0
    for node in [node for node in model.graph.node if node.op_type == "ConvTranspose"]:
        weight = edit.constant(node.input[1])
        bias = edit.constant(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        given, result = edit.shape(node.input[0]), edit.shape(node.output[0])
        strides = list(edit.attribute(node, "strides", [1, 1]))
        plain = (
            edit.attribute(node, "group", 1) == 1
            and list(edit.attribute(node, "dilations", [1, 1])) == [1, 1]
            and edit.attribute(node, "auto_pad", b"NOTSET") == b"NOTSET"
            and (len(node.input) < 3 or not node.input[2] or bias is not None)
        )
        if weight is None or weight.ndim != 4 or not plain or not all((*given, *result)):
            continue
        if not strides[0] == strides[1] > 1:
            continue
        if any(result[2 + i] != given[2 + i] * strides[i] for i in range(2)):
            continue
        pads = _pads(edit, node, weight.shape[2:], list(zip(given[2:], result[2:], strict=True)))
        rows, columns = (_taps(weight.shape[2 + i], strides[i], pads[i]) for i in range(2))
        if min(rows[1:] + columns[1:]) >= 0:
            _replace(edit, node, _cell_kernel(weight, rows[0], columns[0]), bias, (rows, columns))
            done += 1
    return done


def _pads(edit: Editor, node: onnx.NodeProto, kernel: Sequence[int], sides: Sequence[tuple[int, int]]) -> list[int]:
    """Of the first row and column, for (given, resulting) sides.

    Source: the ONNX operators, ConvTranspose, whose `output_shape` decides instead of `pads`.
    """
    if not edit.attribute(node, "output_shape", []):
        return list(edit.attribute(node, "pads", [0] * 4))[:2]
    strides, more = edit.attribute(node, "strides", [1, 1]), edit.attribute(node, "output_padding", [0, 0])
    whole = [strides[i] * (sides[i][0] - 1) + more[i] + kernel[i] - sides[i][1] for i in range(2)]
    return [total - total // 2 for total in whole]


def _taps(kernel: int, stride: int, pad: int) -> tuple[list[list[int]], int, int]:
    """(for every pixel of a cell the tap at every given pixel, and the padding before and behind)."""
    first, last = -((kernel - 1 - pad) // stride), (stride - 1 + pad) // stride
    taps = [[r + pad - stride * i for i in range(first, last + 1)] for r in range(stride)]
    return [[tap if 0 <= tap < kernel else -1 for tap in row] for row in taps], -first, last


def _cell_kernel(weight: NDArray[Any], rows: list[list[int]], columns: list[list[int]]) -> NDArray[Any]:
    """(inputs, outputs, height, width) -> (cell * outputs, inputs, taps, taps)."""
    inputs, outputs, _, _ = weight.shape
    cells = np.zeros((len(rows), len(columns), outputs, inputs, len(rows[0]), len(columns[0])), weight.dtype)
    for r, row in enumerate(rows):
        for c, column in enumerate(columns):
            for i, y in enumerate(row):
                for j, x in enumerate(column):
                    if y >= 0 and x >= 0:
                        cells[r, c, :, :, i, j] = weight[:, :, y, x].T
    return cells.reshape(-1, inputs, *cells.shape[4:])


def _replace(
    edit: Editor,
    node: onnx.NodeProto,
    kernel: NDArray[Any],
    bias: NDArray[Any] | None,
    axes: tuple[tuple[list[list[int]], int, int], ...],
) -> None:
    stride, output = len(axes[0][0]), node.output[0]
    reader = edit.only_reader(output)
    last = reader if reader is not None and reader.op_type in _ACTIVATIONS else node
    inputs = [node.input[0], edit.add_constant("cells_kernel", kernel)]
    if bias is not None:
        inputs.append(edit.add_constant("cells_bias", np.tile(bias, stride * stride)))
    pads = [axes[0][1], axes[1][1], axes[0][2], axes[1][2]]
    whole, cells = last.output[0], f"{output}_cells"
    if last is not node:
        edit.rename(output, cells, last)
        edit.rename(whole, f"{whole}_cells", last)
    convolution = helper.make_node("Conv", inputs, [cells], node.name, kernel_shape=kernel.shape[2:], pads=pads)
    shuffle = helper.make_node("DepthToSpace", [f"{whole}_cells"], [whole], blocksize=stride, mode="DCR")
    edit.become(node, convolution)
    edit.replace(last, last, shuffle)
    edit.forget(output, whole)
