"""BatchNormalization that no convolution has taken in, which ONNX Runtime computes in float only.

y = (x - mean) / sqrt(variance + epsilon) * scale + bias is a factor and an offset per channel. Behind the sum of two
convolutions, the factor goes into the weights of both and the offset into a bias; behind a concatenation with
convolutions in it, each part has its own channels' normalized, and rectified where that follows, so that no steps of
int8 are spent on what is cut off. Anywhere else the whole becomes a depthwise 1x1 convolution, which int8 has a kernel
for.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeseg.quantize.passes.edit import Editor
from edgeseg.quantize.ranges.rectifiers import limits_of

__all__ = ["fold_batchnorm"]


def fold_batchnorm(model: onnx.ModelProto) -> int:
    """Replace, in place, every BatchNormalization of constants over an (N, C, H, W) tensor; returns how many."""
    edit, done = Editor(model), 0
    for node in [node for node in model.graph.node if node.op_type == "BatchNormalization"]:
        parameters = [edit.constant(name) for name in node.input[1:5]]
        if any(value is None for value in parameters) or len(edit.shape(node.input[0])) != 4:
            continue
        scale, bias, mean, variance = (np.asarray(value, np.float64) for value in parameters)
        factor = scale / np.sqrt(variance + edit.attribute(node, "epsilon", 1e-5))
        offset = bias - mean * factor
        convolutions = _summed_convolutions(edit, node.input[0])
        joint = _joint_with_convolutions(edit, node.input[0])
        if joint is not None:
            _divide(edit, node, joint, factor, offset)
        elif convolutions:
            for convolution in convolutions:
                _scale(edit, convolution, factor, offset)
                offset = np.zeros_like(offset)
            edit.bypass(node)
        else:
            whole = _depthwise(edit, node.input[0], node.output[0], factor, offset)
            whole.name = node.name
            edit.become(node, whole)
        done += 1
    return done


def _summed_convolutions(edit: Editor, name: str) -> list[onnx.NodeProto]:
    """The two convolutions, of a tensor's shape, whose sum alone it is; none where it is anything else."""
    total = edit.only_writer(name)
    if total is None or total.op_type != "Add" or total.input[0] == total.input[1]:
        return []
    convolutions = [node for addend in total.input if (node := _convolution(edit, addend)) is not None]
    alike = all(edit.shape(node.output[0]) == edit.shape(name) for node in convolutions)
    return convolutions if len(convolutions) == 2 and alike else []


def _scale(edit: Editor, convolution: onnx.NodeProto, factor: NDArray[np.float64], offset: NDArray[np.float64]) -> None:
    weight, bias = (edit.constant(name) for name in (*convolution.input, "")[1:3])
    assert weight is not None
    scaled = (weight * factor[:, None, None, None]).astype(weight.dtype)
    moved = (offset if bias is None else bias * factor + offset).astype(weight.dtype)
    names = [edit.add_constant("folded_weight", scaled), edit.add_constant("folded_bias", moved)]
    convolution.input[:] = [convolution.input[0], *names]


def _joint_with_convolutions(edit: Editor, name: str) -> onnx.NodeProto | None:
    """The concatenation of channels that alone gives a tensor, where one part or more is a convolution's alone."""
    joint = edit.only_writer(name)
    if joint is None or joint.op_type != "Concat" or edit.attribute(joint, "axis", 0) not in (1, -3):
        return None
    distinct = len({*joint.input}) == len(joint.input)
    known = all(len(shape) == 4 and shape[1] for shape in map(edit.shape, joint.input))
    return joint if distinct and known and any(_convolution(edit, part) for part in joint.input) else None


def _convolution(edit: Editor, name: str) -> onnx.NodeProto | None:
    """The convolution, of constant weights, that gives a tensor which nothing else reads."""
    writer = edit.only_writer(name)
    if writer is None or writer.op_type != "Conv":
        return None
    return writer if all(edit.is_constant(given) for given in writer.input[1:] if given) else None


def _divide(
    edit: Editor,
    node: onnx.NodeProto,
    joint: onnx.NodeProto,
    factor: NDArray[np.float64],
    offset: NDArray[np.float64],
) -> None:
    """Normalize the parts of a concatenation in place of the whole, and rectify them where the result only is."""
    ends = np.cumsum([edit.shape(part)[1] for part in joint.input])[:-1]
    reader = edit.only_reader(node.output[0])
    rectifier = reader if reader is not None and limits_of(edit, reader) else None
    added, parts = [], zip(list(joint.input), np.split(factor, ends), np.split(offset, ends), strict=True)
    for place, (part, scale, moved) in enumerate(parts):
        convolution = _convolution(edit, part)
        if convolution is not None:
            _scale(edit, convolution, scale, moved)
        else:
            added.append(_depthwise(edit, part, f"{node.output[0]}_part{place}", scale, moved))
            part = added[-1].output[0]
        if rectifier is not None:
            rectified = onnx.NodeProto()
            rectified.CopyFrom(rectifier)
            rectified.input[0], rectified.output[0] = part, f"{rectifier.output[0]}_part{place}"
            rectified.name = rectified.output[0]
            added.append(rectified)
            part = rectified.output[0]
        edit.rename(joint.input[place], part, joint)
    edit.replace(joint, *added, joint)
    gone = [node] if rectifier is None else [node, rectifier]
    edit.rename(joint.output[0], gone[-1].output[0], joint)
    edit.remove(*gone)


def _depthwise(
    edit: Editor, given: str, result: str, factor: NDArray[np.float64], offset: NDArray[np.float64]
) -> onnx.NodeProto:
    weight = edit.add_constant("batchnorm_weight", factor.astype(np.float32).reshape(-1, 1, 1, 1))
    bias = edit.add_constant("batchnorm_bias", offset.astype(np.float32))
    inputs = [given, weight, bias]
    return onnx.helper.make_node("Conv", inputs, [result], result, group=len(factor), kernel_shape=[1, 1])
