"""Dilated convolutions that were written as one between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND.

TFLiteConverter leaves them so where the batch is open, as it is in most Keras models. XNNPACK has neither of the two.
"""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeseg.quantize.tflite_passes.edit import Editor, Op

__all__ = ["dilate_convolutions"]

_Padding = schema.Padding
_DILATED = 2
"""The version of both operators that has dilations."""


def dilate_convolutions(model: Any) -> int:
    """Make, in place, one operator of each such three; returns how many."""
    edit, done = Editor(model), 0
    for spread in edit.operators(Op.SPACE_TO_BATCH_ND):
        convolution = edit.only_reader(spread)
        if convolution is None or not _is_plain(edit, convolution):
            continue
        gather = edit.only_reader(convolution)
        if gather is None or edit.kind(gather) != Op.BATCH_TO_SPACE_ND:
            continue
        blocks = edit.constant(spread.inputs[1])
        padding = _padding(edit, spread, convolution, gather)
        if blocks is None or padding is None:
            continue
        options = convolution.builtinOptions
        options.dilationHFactor, options.dilationWFactor = map(int, blocks)
        options.padding = padding
        convolution.inputs[0], convolution.outputs[0] = spread.inputs[0], gather.outputs[0]
        edit.need_version(convolution, _DILATED)
        edit.remove(spread, gather)
        done += 1
    return done


def _is_plain(edit: Editor, op: Any) -> bool:
    """Whether it is a convolution without padding, strides and dilations."""
    if edit.kind(op) not in (Op.CONV_2D, Op.DEPTHWISE_CONV_2D):
        return False
    options = op.builtinOptions
    steps = (options.strideH, options.strideW, options.dilationHFactor, options.dilationWFactor)
    return bool(steps == (1, 1, 1, 1) and options.padding == _Padding.VALID)


def _padding(edit: Editor, spread: Any, convolution: Any, gather: Any) -> int | None:
    """That of the dilated convolution which is the same function; None where there is none."""
    (blocks, pads), (others, crops) = ([edit.constant(index) for index in op.inputs[1:3]] for op in (spread, gather))
    if blocks is None or pads is None or others is None or crops is None:
        return None
    given, result, kernel = (
        edit.shape(index)[1:3] for index in (spread.inputs[0], gather.outputs[0], convolution.inputs[1])
    )
    if blocks.tolist() != others.tolist() or len(blocks) != len(given) or crops[:, 0].any():
        return None
    reach = [(taps - 1) * int(block) for taps, block in zip(kernel, blocks, strict=True)]
    before = pads[:, 0].tolist()
    if result == given and before == [each // 2 for each in reach]:
        return int(_Padding.SAME)
    if before == [0, 0] and all(out == side - each for out, side, each in zip(result, given, reach, strict=True)):
        return int(_Padding.VALID)
    return None
