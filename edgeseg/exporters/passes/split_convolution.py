"""Parts of a convolution's channels as a convolution each.

Taking channels apart copies them, in ONNX Runtime out of the blocked layout of its convolutions and back into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import getitem

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import (
    arguments,
    calls,
    constant,
    folded,
    norm_factors,
    only_user,
    weights_of,
    written,
)

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx", "tflite")

_aten = torch.ops.aten
_SPLITS = (_aten.chunk.default, _aten.split.Tensor, _aten.split_with_sizes.default)
_CONVOLUTIONS = (_aten.conv2d.default, _aten.conv2d.padding)
_ACTIVATIONS = tuple(
    getattr(_aten, f"{name}{in_place}").default
    for name in ("relu", "hardtanh", "leaky_relu", "elu", "sigmoid", "silu", "hardswish", "hardsigmoid")
    for in_place in ("", "_")
)


@dataclass(frozen=True)
class _Convolution:
    """A convolution with the batch normalisation behind it folded in, and the activations behind that."""

    node: fx.Node
    weight: Tensor
    bias: Tensor | None
    activations: tuple[fx.Node, ...]


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every ungrouped convolution that nothing reads but a split of its channels, behind activations or not."""
    changed = 0
    for node in calls(graph, *_SPLITS):
        whole, parts = _convolution(graph, node), list(node.users)
        if whole is None or int(arguments(node)["dim"]) % 4 != 1 or any(part.target is not getitem for part in parts):
            continue
        limits = list(pairwise(accumulate((int(each.shape[1]) for each in node.meta["val"]), initial=0)))
        for part in parts:
            part.replace_all_uses_with(_part(graph, whole, part, *limits[part.args[1]]))
            graph.graph.erase_node(part)
        graph.graph.erase_node(node)
        changed += 1
    return changed


def _convolution(graph: fx.GraphModule, split: fx.Node) -> _Convolution | None:
    """What a split reads; None where that is no convolution, or is read by others too."""
    activations: list[fx.Node] = []
    node, norm = arguments(split)["self"], None
    while node.target in _ACTIVATIONS and only_user(node):
        activations.insert(0, node)
        node = arguments(node)["self"]
    if (factors := norm_factors(graph, node)) and only_user(node):
        norm, node = factors, arguments(node)["input"]
    if node.target not in _CONVOLUTIONS or not only_user(node):
        return None
    given = arguments(node)
    if written(given["input"]):
        return None
    weights = weights_of(graph, node)
    if given["groups"] != 1 or weights is None:
        return None
    weight, bias = weights
    if norm:
        weight, bias = folded(weight, bias, norm)
    return _Convolution(node, weight, bias, tuple(activations))


def _part(graph: fx.GraphModule, whole: _Convolution, part: fx.Node, start: int, end: int) -> fx.Node:
    """A node that gives the channels from `start` to before `end`."""
    weight = constant(graph, part, "part_weight", whole.weight[start:end])
    bias = whole.bias if whole.bias is None else constant(graph, part, "part_bias", whole.bias[start:end])
    with graph.graph.inserting_before(part):
        kwargs = {**arguments(whole.node), "weight": weight, "bias": bias}
        node = graph.graph.call_function(whole.node.target, (kwargs.pop("input"),), kwargs)
        node.meta = dict(part.meta)
        for activation in whole.activations:
            node = graph.graph.call_function(activation.target, (node, *activation.args[1:]), activation.kwargs)
            node.meta = dict(part.meta)
    return node
