"""Empty channels, so that int8 kernels get the numbers of channels that they are made for.

ONNX Runtime's depthwise kernel is fast for a multiple of 16 channels; its dense one wants fours in and out and at least
16 out, or copies its input first. Filling up to the next such number makes them two to four times as fast, but whatever
else reads or writes those maps has more to do: each group of maps gets as many as makes the whole cheapest. Nothing
reads what the empty channels hold, and ranges stay what they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeseg.quantize.passes.costs import dense_ns, depthwise_ns, elementwise_ns
from edgeseg.quantize.passes.edit import Editor
from edgeseg.quantize.passes.slots import EMPTY, Groups, Slots, kind_of_convolution

__all__ = ["align_channels"]

_FUSED = {"Relu", "Clip"}
"""Part of the operator before, once they are in int8."""
_MULTIPLES = (1, 4, 8, 16)
_WORTHWHILE = 1 - 1e-4
"""Part of the cost that is left where a move pays."""


def align_channels(model: onnx.ModelProto) -> int:
    """Fill up, in place, the channels of the maps that convolutions read and write; returns of how many maps."""
    edit, groups = Editor(model), Groups(model)
    steps = [step for node in model.graph.node if (step := _step(edit, node)) is not None]
    slots = _cheapest(groups, steps)
    for node in model.graph.node:
        _fill(edit, node, slots)
    edit.forget(*slots)
    return len(slots)


@dataclass(frozen=True)
class _Step:
    """An operator that gives a map; `kind` is that of a convolution, or the operator's name."""

    kind: str
    given: str
    result: str
    inputs: int
    outputs: int
    taps: int
    pixels: int

    def cost_ns(self, slots: Mapping[str, Slots]) -> float:
        inputs = len(slots[self.given]) if self.given in slots else self.inputs
        outputs = len(slots[self.result]) if self.result in slots else self.outputs
        if self.kind == "dense":
            return self.pixels * dense_ns(inputs, outputs, self.taps)
        if self.kind == "depthwise":
            return self.pixels * depthwise_ns(outputs, self.taps)
        return self.pixels * elementwise_ns(self.kind, outputs)


def _step(edit: Editor, node: onnx.NodeProto) -> _Step | None:
    shapes = [edit.shape(name) for name in (node.input[0], node.output[0])] if node.input else []
    if node.op_type in _FUSED or not all(len(shape) == 4 for shape in shapes):
        return None
    kind = kind_of_convolution(edit, node)
    weight = edit.constant(node.input[1]) if kind else None
    taps = 1 if weight is None else math.prod(weight.shape[2:])
    (_, inputs, *_), (_, outputs, *sides) = shapes
    return _Step(kind or node.op_type, node.input[0], node.output[0], inputs, outputs, taps, math.prod(sides))


def _cheapest(groups: Groups, steps: list[_Step]) -> dict[str, Slots]:
    """Begins with what the kernels want, then fills up a group, or both of a convolution, otherwise while that pays."""
    members = groups.members()
    group_of = {name: names[0] for names in members for name in names}
    depthwise = {name for step in steps if step.kind == "depthwise" for name in (step.given, step.result)}
    multiples = {names[0]: 4 if depthwise.isdisjoint(names) else 16 for names in members}
    moves = [{name: multiple} for name in multiples for multiple in _MULTIPLES]
    for step in steps:
        if step.kind == "dense" and step.given in group_of and step.result in group_of:
            moves += [{group_of[step.given]: multiple, group_of[step.result]: 16} for multiple in _MULTIPLES[1:]]

    def empty(name: str, multiple: int) -> int:
        return -groups.channels(name) % multiple

    def cost_ns(multiples: Mapping[str, int]) -> float:
        slots = groups.spread(multiples)
        return sum(step.cost_ns(slots) for step in steps)

    best, better = cost_ns(multiples), True
    while better:
        better = False
        for move in moves:
            if any(empty(name, multiple) != empty(name, multiples[name]) for name, multiple in move.items()):
                cost = cost_ns(multiples | move)
                if cost < best * _WORTHWHILE:
                    multiples, best, better = multiples | move, cost, True
    return groups.spread(multiples)


def _fill(edit: Editor, node: onnx.NodeProto, slots: dict[str, Slots]) -> None:
    """Give the constants of an operator the slots of the maps that it reads and writes."""
    if slots.keys().isdisjoint((*node.input, *node.output)):
        return
    given, result = slots.get(node.input[0]), slots.get(node.output[0])
    kind = kind_of_convolution(edit, node)
    if node.op_type == "Split":
        _fill_parts(edit, node, slots)
    elif kind == "dense" and given is not None:
        _replace(edit, node, 1, given, 1)
    if result is None:
        return
    if kind:
        _fill_outputs(edit, node, result)
    if kind == "depthwise":
        next(each for each in node.attribute if each.name == "group").i = len(result)
    elif node.op_type == "Resize" and len(node.input) > 3 and node.input[3]:
        _replace_size(edit, node, len(result))
    elif node.op_type in ("Add", "Mul", "Sub", "PRelu"):
        for i, name in enumerate(node.input):
            value = edit.constant(name)
            if value is not None and value.size > 1:
                _replace(edit, node, i, result, value.ndim - 3)


def _fill_parts(edit: Editor, node: onnx.NodeProto, slots: dict[str, Slots]) -> None:
    sizes = [len(slots[name]) if name in slots else edit.shape(name)[1] for name in node.output]
    node.input[:] = [node.input[0], edit.add_constant("split_sizes", np.array(sizes))]
    edit.drop_attributes(node, "num_outputs")


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
