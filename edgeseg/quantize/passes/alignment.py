"""Empty channels, so that int8 kernels get the numbers of channels that they are made for.

ONNX Runtime's depthwise kernel takes 16 channels at a time, and what is left over one by one; its dense one wants
fours, or copies its input. Filling up to the next such number makes them two to four times as fast. Nothing reads what
the empty channels hold, and ranges stay what they are.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeseg.quantize.passes.edit import Editor
from edgeseg.quantize.passes.slots import EMPTY, Groups, Slots, kind_of_convolution

__all__ = ["align_channels"]

_DEPTHWISE, _DENSE = 16, 4
"""Numbers of channels of which ONNX Runtime's int8 kernels want a multiple."""
_MOST = 1.7
"""Times as many channels as before, at the most."""


def align_channels(model: onnx.ModelProto) -> int:
    """Fill up, in place, the channels of the maps that convolutions read and write; returns of how many maps."""
    edit, groups = Editor(model), Groups(model)
    multiples: dict[str, int] = {}
    for node in model.graph.node:
        kind = kind_of_convolution(edit, node)
        for name in (node.input[0], node.output[0]) if kind else ():
            multiple = _DEPTHWISE if kind == "depthwise" else _DENSE
            count = edit.shape(name)[1] if len(edit.shape(name)) == 4 else 0
            while count and count + -count % multiple > _MOST * count:
                multiple //= 2
            multiples[name] = max(multiple, multiples.get(name, 1))
    slots = groups.spread(multiples)
    for node in model.graph.node:
        _fill(edit, node, slots)
    for value in [value for value in model.graph.value_info if value.name in slots]:
        model.graph.value_info.remove(value)
    return len(slots)


def _fill(edit: Editor, node: onnx.NodeProto, slots: dict[str, Slots]) -> None:
    given, result = (slots.get(name) for name in (node.input[0], node.output[0]))
    kind = kind_of_convolution(edit, node)
    if node.op_type == "Split" and any(name in slots for name in node.output):
        sizes = [len(slots[name]) if name in slots else edit.shape(name)[1] for name in node.output]
        node.input[:] = [node.input[0], edit.add_constant("split_sizes", np.array(sizes))]
        for attribute in [each for each in node.attribute if each.name == "num_outputs"]:
            node.attribute.remove(attribute)
    elif kind == "dense":
        if given is not None:
            _replace(edit, node, 1, given, 1)
        if result is not None:
            _fill_outputs(edit, node, result)
    elif result is None:
        return
    elif kind == "depthwise":
        _fill_outputs(edit, node, result)
        next(each for each in node.attribute if each.name == "group").i = len(result)
    elif node.op_type == "Resize":
        if len(node.input) > 3 and node.input[3]:
            _replace_size(edit, node, len(result))
    elif node.op_type in ("Add", "Mul", "Sub", "PRelu"):
        for i, name in enumerate(node.input):
            value = edit.constant(name)
            if value is not None and value.size > 1:
                _replace(edit, node, i, result, value.ndim - 3)


def _fill_outputs(edit: Editor, node: onnx.NodeProto, slots: Slots) -> None:
    for i in range(1, len(node.input)):
        if node.input[i]:
            _replace(edit, node, i, slots, 0)


def _replace(edit: Editor, node: onnx.NodeProto, position: int, slots: Slots, axis: int) -> None:
    value = edit.constant(node.input[position])
    assert value is not None
    node.input[position] = edit.add_constant("aligned", _spread(value, slots, axis))


def _spread(value: NDArray[np.float32], slots: Slots, axis: int) -> NDArray[np.float32]:
    """The value with zeros for what is empty."""
    spread = np.take(value, np.maximum(slots, 0), axis)
    empty = np.expand_dims(slots == EMPTY, tuple(range(1, value.ndim - axis)))
    return np.where(empty, np.zeros((), value.dtype), spread)


def _replace_size(edit: Editor, node: onnx.NodeProto, channels: int) -> None:
    sizes = edit.constant(node.input[3])
    if sizes is not None and len(sizes) == 4:
        node.input[3] = edit.add_constant("sizes", np.array([sizes[0], channels, *sizes[2:]]))
