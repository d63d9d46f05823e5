"""BatchNormalization that no convolution has taken in, which ONNX Runtime computes in float only.

y = (x - mean) / sqrt(variance + epsilon) * scale + bias is a factor and an offset per channel. Behind the sum of two
convolutions, the factor goes into the weights of both and the offset into a bias; anywhere else the whole becomes a
depthwise 1x1 convolution, which has an int8 kernel.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeseg.quantize.passes.edit import Editor

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
        if convolutions:
            for convolution in convolutions:
                _scale(edit, convolution, factor, offset)
                offset = np.zeros_like(offset)
            edit.bypass(node)
        else:
            _replace(edit, node, factor, offset)
        done += 1
    return done


def _summed_convolutions(edit: Editor, name: str) -> list[onnx.NodeProto]:
    """The two convolutions, of a tensor's shape, whose sum alone it is; none where it is anything else."""
    total = edit.only_writer(name)
    if total is None or total.op_type != "Add" or total.input[0] == total.input[1]:
        return []
    writers = [edit.only_writer(addend) for addend in total.input]
    convolutions = [
        node for node in writers if node is not None and node.op_type == "Conv" and _weights(edit, node) is not None
    ]
    alike = all(edit.shape(node.output[0]) == edit.shape(name) for node in convolutions)
    return convolutions if len(convolutions) == 2 and alike else []


def _weights(edit: Editor, node: onnx.NodeProto) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """(weight, bias) of a convolution, where both are constant."""
    weight = edit.constant(node.input[1])
    if weight is None:
        return None
    if len(node.input) < 3 or not node.input[2]:
        return weight, np.zeros(weight.shape[0], weight.dtype)
    bias = edit.constant(node.input[2])
    return None if bias is None else (weight, bias)


def _scale(edit: Editor, convolution: onnx.NodeProto, factor: NDArray[np.float64], offset: NDArray[np.float64]) -> None:
    found = _weights(edit, convolution)
    assert found is not None
    weight, bias = found
    scaled = (weight * factor[:, None, None, None]).astype(weight.dtype)
    moved = (bias * factor + offset).astype(bias.dtype)
    names = [edit.add_constant("folded_weight", scaled), edit.add_constant("folded_bias", moved)]
    convolution.input[:] = [convolution.input[0], *names]


def _replace(edit: Editor, node: onnx.NodeProto, factor: NDArray[np.float64], offset: NDArray[np.float64]) -> None:
    weight = edit.add_constant("batchnorm_weight", factor.astype(np.float32).reshape(-1, 1, 1, 1))
    bias = edit.add_constant("batchnorm_bias", offset.astype(np.float32))
    node.CopyFrom(
        onnx.helper.make_node(
            "Conv",
            [node.input[0], weight, bias],
            [node.output[0]],
            node.name,
            group=len(factor),
            kernel_shape=[1, 1],
        )
    )
