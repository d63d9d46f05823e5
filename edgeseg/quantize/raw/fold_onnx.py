"""The first convolutions of a float ONNX model made to take centred bytes; see the package."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from edgeseg.core.types import Normalization
from edgeseg.quantize.passes.edit import Editor
from edgeseg.quantize.raw import CENTRED

__all__ = ["detach_front", "fold_normalization"]

_NORMALIZED = "normalized_bytes"
_TO_PLANES = [0, 3, 1, 2]


def fold_normalization(model: onnx.ModelProto, normalization: Normalization) -> None:
    """Let, in place, a float model compute v (N, 3, H, W), in RGB order, from its input, and everything else from v."""
    graph, edit = model.graph, Editor(model)
    given, place = _planes(edit, graph)
    std, turned = 255 * np.array(normalization.std, np.float32), normalization.order == "BGR"
    readers = edit.readers(given)
    others = [node for node in readers if not _is_plain(edit, node, given)]
    for node in readers:
        if node not in others:
            _scale(edit, node, std, turned)
    spread = edit.add_constant("pixel_range", (std[::-1] if turned else std).reshape(1, 3, 1, 1))
    front = [helper.make_node("Mul", [given, spread], [f"{CENTRED}_turned" if turned else CENTRED])]
    if turned:
        order = edit.add_constant("channel_order", np.array([2, 1, 0]))
        front.append(helper.make_node("Gather", [f"{CENTRED}_turned", order], [CENTRED], axis=1))
    if others:
        edit.rename(given, _NORMALIZED, *others)
        front.append(_normalizer(edit, std, turned))
    for node in front:
        node.name = f"{node.op_type}_of_{node.output[0]}"
    behind = graph.node[place]
    edit.replace(behind, *front, behind)
    for name in (CENTRED, _NORMALIZED):
        graph.value_info.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, edit.shape(given)))


def detach_front(model: onnx.ModelProto) -> None:
    """Make v the input, in place, once nothing is to be run on normalized pixels any more."""
    graph = model.graph
    last = next(place for place, node in enumerate(graph.node) if CENTRED in node.output)
    del graph.node[: last + 1]
    known = next(value for value in graph.value_info if value.name == CENTRED)
    graph.input[0].CopyFrom(known)
    graph.value_info.remove(known)


def _planes(edit: Editor, graph: onnx.GraphProto) -> tuple[str, int]:
    """The image as (N, 3, H, W), and where the nodes that may read it begin."""
    name, first = graph.input[0].name, graph.node[0]
    if edit.shape(name)[1] == 3:
        return name, 0
    alone = edit.readers(name) == [first] and first.op_type == "Transpose"
    if not alone or list(edit.attribute(first, "perm", [])) != _TO_PLANES:
        raise ValueError(f"input {name} of shape {edit.shape(name)} is neither planes nor only turned into them")
    return first.output[0], 1


def _is_plain(edit: Editor, node: onnx.NodeProto, given: str) -> bool:
    """Whether a node is a convolution of the image whose padding is in the file as numbers."""
    return (
        node.op_type == "Conv"
        and node.input[0] == given
        and all(map(edit.is_constant, node.input[1:]))
        and edit.attribute(node, "group", 1) == 1
        and edit.attribute(node, "auto_pad", b"NOTSET") == b"NOTSET"
    )


def _scale(edit: Editor, node: onnx.NodeProto, std: NDArray[np.float32], turned: bool) -> None:
    """Make a convolution of z, its channels `turned` or not, one of v."""
    kernel = edit.constant(node.input[1])
    assert kernel is not None
    scaled = (kernel[:, ::-1] if turned else kernel) / std[:, None, None]
    bias = node.input[2] if len(node.input) > 2 else edit.add_constant("bias", np.zeros(len(kernel), np.float32))
    edit.rename(node.input[0], CENTRED, node)
    node.input[1:] = [edit.add_constant(f"{node.input[1]}_of_bytes", scaled), bias]


def _normalizer(edit: Editor, std: NDArray[np.float32], turned: bool) -> onnx.NodeProto:
    """The convolution that makes z of v."""
    kernel = np.diag(1 / std)[::-1] if turned else (1 / std)[:, None]
    parameters = [kernel[:, :, None, None].astype(np.float32), np.zeros(3, np.float32)]
    names = [edit.add_constant(_NORMALIZED, value) for value in parameters]
    return helper.make_node("Conv", [CENTRED, *names], [_NORMALIZED], kernel_shape=[1, 1], group=3 // kernel.shape[1])
