"""Convolutions of an image over cells of neighbouring pixels, which take XNNPACK half the time in int8.

How is told in `quantize/integers_onnx/stem.py`. XNNPACK fills the channels of every tap up to a multiple of 8: three to
8, six of two pixels to 8 as well, and twelve of four to 16. So cells are as small as the stride allows.

The padding in front of them is added to whole rows, which costs a tenth of adding it to pixels of three bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgeseg.quantize.stem_cells import cell_kernel
from edgeseg.quantize.tflite_passes.edit import Editor, Op, explicit_padding, scale_of

__all__ = ["fold_stems"]

_COLORS = 3
_PIXELS = {1: 2, 2: 2, 4: 4}
"""Of a cell, by the stride along rows."""


@dataclass(frozen=True)
class _Stem:
    """A convolution of an image, and what it or a PAD in front of it adds to height and width."""

    convolution: Any
    image: int
    kernel: NDArray[np.int8]
    borders: list[tuple[int, int]]


def fold_stems(model: Any) -> int:
    """Fold, in place, every CONV_2D over three int8 channels, with strides of 1, 2 or 4; returns how many."""
    edit, done = Editor(model), 0
    for op in edit.operators(Op.CONV_2D):
        stem = _stem(edit, op)
        if stem is not None:
            _fold(edit, stem)
            done += 1
    return done


def _stem(edit: Editor, op: Any) -> _Stem | None:
    kernel, options, given = edit.constant(op.inputs[1]), op.builtinOptions, edit.shape(op.inputs[0])
    if kernel is None or kernel.dtype != np.int8 or given[-1] != _COLORS or kernel.shape[-1] != _COLORS:
        return None
    if (options.dilationHFactor, options.dilationWFactor) != (1, 1) or options.strideW not in _PIXELS:
        return None
    if scale_of(edit.tensor(op.inputs[0])) is None:
        return None
    strides = options.strideH, options.strideW
    result = edit.shape(op.outputs[0])
    borders = explicit_padding(given[1:3], result[1:3], kernel.shape[1:3], strides, options.padding)
    pad = edit.writer(op.inputs[0])
    added = edit.constant(pad.inputs[1]) if pad is not None and edit.kind(pad) == Op.PAD else None
    if pad is None or added is None or any(map(any, borders)) or added[[0, 3]].any():
        return _Stem(op, op.inputs[0], kernel, borders)
    return _Stem(op, pad.inputs[0], kernel, [(int(before), int(behind)) for before, behind in added[1:3]])


def _fold(edit: Editor, stem: _Stem) -> None:
    op, options = stem.convolution, stem.convolution.builtinOptions
    batch, height, width, _ = edit.shape(stem.image)
    _, rows, columns, outputs = edit.shape(op.outputs[0])
    (above, below), (left, _) = stem.borders
    pixels = _PIXELS[options.strideW]
    kernel, _, _ = cell_kernel(stem.kernel.transpose(0, 3, 1, 2), options.strideW, 0, pixels)
    repeats, taps = len(kernel) // outputs, kernel.shape[3]
    cells = max(-(-columns // repeats) + taps - 1, -(-(left + width) // pixels))
    ends = np.zeros((4, 2), np.int32)
    ends[2], ends[3] = (above, below), (left * _COLORS, (cells * pixels - left - width) * _COLORS)

    flat = edit.reshape("image_rows", stem.image, (batch, 1, height, width * _COLORS))
    taller = height + above + below
    padded = edit.add_tensor("padded_rows", (batch, 1, taller, cells * pixels * _COLORS), stem.image)
    pad = edit.operator(Op.PAD, [flat.outputs[0], edit.add_constant("borders", ends)], [padded], schema.PadOptionsT())
    split = edit.reshape("cells", padded, (batch, taller, cells, pixels * _COLORS))
    wide = edit.add_tensor("stem", (batch, rows, cells - taps + 1, len(kernel)), op.outputs[0], part_of=op.outputs[0])
    before = op.inputs[0]
    steps = [flat, pad, split, op, *_joined(edit, wide, op.outputs[0])]
    op.inputs = [split.outputs[0], _repeated(edit, op.inputs[1], kernel.transpose(0, 2, 3, 1)), *op.inputs[2:]]
    if len(op.inputs) > 2 and op.inputs[2] >= 0:
        bias = edit.constant(op.inputs[2])
        assert bias is not None
        op.inputs[2] = _repeated(edit, op.inputs[2], np.tile(bias, repeats))
    op.outputs, options.strideW, options.padding = [wide], 1, schema.Padding.VALID
    edit.replace(op, *steps)
    writer = edit.writer(before)
    if before != stem.image and writer is not None and edit.unread(before):
        edit.remove(writer)


def _joined(edit: Editor, wide: int, result: int) -> list[Any]:
    """Make `result` of the stem's, which is the same in groups of channels and maybe with more columns."""
    batch, rows, columns, outputs = edit.shape(result)
    _, _, cells, channels = edit.shape(wide)
    whole = (batch, rows, cells * channels // outputs, outputs)
    if whole[2] == columns:
        return [edit.reshape("pixels", wide, whole, result)]
    join = edit.reshape("pixels", wide, whole)
    bounds = [edit.add_constant("cut", np.array(sides, np.int32)) for sides in ([0] * 4, edit.shape(result))]
    return [join, edit.operator(Op.SLICE, [join.outputs[0], *bounds], [result], schema.SliceOptionsT())]


def _repeated(edit: Editor, index: int, values: NDArray[Any]) -> int:
    """A constant whose first axis is a multiple of another's, with that one's scales for each."""
    old = edit.tensor(index).quantization
    quantization, times = schema.QuantizationParametersT(), len(values) // edit.shape(index)[0]
    single = len(old.scale) == 1
    quantization.scale = old.scale if single else np.tile(old.scale, times)
    quantization.zeroPoint = old.zeroPoint if single else np.tile(old.zeroPoint, times)
    quantization.quantizedDimension = old.quantizedDimension
    return edit.add_constant("repeated", values, quantization)
