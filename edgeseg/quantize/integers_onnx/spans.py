"""Operators of an ONNX graph that stay in float because no even steps hold what is between them.

`quantize/even_steps.py` says what that is. In addition a Clip that cuts off zero is no end of a range, nor is there an
integer Gemm with factors or an average over pixels that lie apart.
"""

from __future__ import annotations

import onnx

from edgeseg.quantize.even_steps import FAR, MANY
from edgeseg.quantize.passes.edit import Editor
from edgeseg.quantize.passes.gemm import has_factors
from edgeseg.quantize.ranges.rectifiers import is_saturation

__all__ = ["float_spans"]

_VIEWS = frozenset({"Concat", "Expand", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"})
_OF_PLACES = _VIEWS | {"Add", "Clip", "Div", "Floor", "Max", "Min", "Mul", "Relu", "Round", "Sub", "Where"}
_TWO = {"Add", "Max", "Mul"}
"""They lead back to a divisor only where one side is constant or both are the same; else they join networks."""
_OF_DIVISORS = _VIEWS | _TWO | {"Abs", "AveragePool", "Clip", "Div", "Flatten", "GlobalAveragePool"}
_OF_DIVISORS |= {"MatMul", "Pow", "Sub"}
_IN_FLOAT = {"Exp", "ReduceL2", "ReduceMean", "ReduceSum", "Softplus", "Sqrt"}
"""Without int8 kernels."""
_OF_QUOTIENTS = _VIEWS | {"Clip", "Max", "Min", "Mul"}
_OF_POWERS = {"Add", "Mul", "Pow"}
_INTEGERS = {onnx.TensorProto.INT32, onnx.TensorProto.INT64}
_MASKS = {"Add", "Where"}


def float_spans(model: onnx.ModelProto) -> set[str]:
    """The names of the operators that quantizing would spoil in this way."""
    look = Editor(model)
    kinds = (_is_long, _is_off_zero, _is_spread)
    odd = (has_factors(node) or any(is_one(look, node) for is_one in kinds) for node in model.graph.node)
    alone = {node.name for node, is_odd in zip(model.graph.node, odd, strict=True) if is_odd}
    spans = (_places, _masked, _divisors, _quotients, _powers)
    return alone.union(*(span(model, look) for span in spans))


def _divisors(model: onnx.ModelProto, look: Editor) -> set[str]:
    """What gives a divisor: what is small, but not nothing, would round to zero."""
    nodes = model.graph.node
    waiting = [node.input[1] for node in nodes if node.op_type == "Div"]
    waiting += [node.input[0] for node in nodes if node.op_type == "Reciprocal"]
    found, seen = set[str](), set[str]()
    while waiting:
        name = waiting.pop()
        node = look.writer(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        given = {each for each in node.input if not look.is_constant(each)}
        if node.op_type in _OF_DIVISORS and not (node.op_type in _TWO and len(given) > 1):
            found.add(node.name)
            waiting += given
        elif node.op_type in _IN_FLOAT:
            waiting += given
        elif _is_mean(look, node):
            found.add(node.name)
            waiting.append(node.input[0])
    return found


def _quotients(model: onnx.ModelProto, _look: Editor) -> set[str]:
    """What 1 / x is limited by, and the products with it: that of a divisor next to zero takes all the steps."""
    found, given = set[str](), {node.output[0] for node in model.graph.node if node.op_type == "Reciprocal"}
    for node in model.graph.node:  # Each of which comes behind what it reads.
        if node.op_type in _OF_QUOTIENTS and not given.isdisjoint(node.input):
            found.add(node.name)
            given |= set(node.output) if node.op_type != "Mul" else set()
    return found


def _powers(model: onnx.ModelProto, look: Editor) -> set[str]:
    """What is computed of some x and a power of it alone, for a tanh: x + 0.044715 x^3, by factors."""
    found = set[str]()
    for tanh in (node for node in model.graph.node if node.op_type == "Tanh"):
        before, _ = _back(look, tanh.input[0])
        powers = (node for node in before if node.op_type == "Pow" or node.input[0] == node.input[-1])
        for x in {node.input[0] for node in powers}:
            nodes, given = _back(look, tanh.input[0], x)
            if given == {x}:
                found.update(node.name for node in nodes)
    return found


def _back(look: Editor, name: str, end: str = "") -> tuple[list[onnx.NodeProto], set[str]]:
    """The sums, products and powers that give a tensor, from `end` on, and what those take besides constants."""
    waiting, passed, given = [name], dict[str, onnx.NodeProto](), set[str]()
    while waiting:
        name = waiting.pop()
        node = look.writer(name)
        if name == end or node is None or node.op_type not in _OF_POWERS:
            given |= set() if look.is_constant(name) else {name}
        elif name not in passed:
            passed[name] = node
            waiting += node.input
    return list(passed.values()), given


def _is_mean(look: Editor, node: onnx.NodeProto) -> bool:
    kernel = look.constant(node.input[1]) if node.op_type == "Conv" else None
    return kernel is not None and len(kernel) == 1 and bool((kernel == kernel.flat[0]).all())


def _is_long(look: Editor, node: onnx.NodeProto) -> bool:
    if node.op_type != "Softmax" or not (shape := look.shape(node.input[0])):
        return False
    axis: int = look.attribute(node, "axis", -1)
    return shape[axis] > MANY


def _is_off_zero(look: Editor, node: onnx.NodeProto) -> bool:
    return node.op_type == "Clip" and not is_saturation(look, node)


def _is_spread(look: Editor, node: onnx.NodeProto) -> bool:
    return node.op_type == "AveragePool" and set(look.attribute(node, "dilations", [1])) != {1}


def _places(model: onnx.ModelProto, look: Editor) -> set[str]:
    """What gives the places that are sampled at or become integers, and what is computed of that alone."""
    nodes = list(model.graph.node)
    waiting = [node.input[1] for node in nodes if node.op_type == "GridSample"]
    casts = [node for node in nodes if node.op_type == "Cast" and look.attribute(node, "to", 0) in _INTEGERS]
    waiting += [node.input[0] for node in casts]
    found: set[str] = set()
    while waiting:
        node = look.writer(waiting.pop())
        if node is not None and node.name not in found and node.op_type in _OF_PLACES:
            found.add(node.name)
            waiting += node.input
    given = {value.name for value in model.graph.input}
    for node in nodes:
        before = [writer.name for name in node.input if (writer := look.writer(name)) is not None]
        if node.op_type in _OF_PLACES and before and found.issuperset(before) and not given.intersection(node.input):
            found.add(node.name)
    return found


def _masked(model: onnx.ModelProto, look: Editor) -> set[str]:
    """Softmaxes and the masks before them."""
    found = set[str]()
    for softmax in (node for node in model.graph.node if node.op_type == "Softmax"):
        passed, node = [softmax.name], look.writer(softmax.input[0])
        while node is not None and node.op_type in _VIEWS:
            passed, node = [*passed, node.name], look.writer(node.input[0])
        constants = [look.constant(name) for name in node.input] if node is not None and node.op_type in _MASKS else []
        if node is not None and any(each is not None and each.size and each.min() < FAR for each in constants):
            found.update([*passed, node.name])
    return found
