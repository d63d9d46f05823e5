"""Convolutions of single pixels behind an enlargement, in front of it, where there are fewer pixels.

Every pixel of an enlarged map is a mean of pixels of the map, whose weights sum to one: whether a convolution of 1x1,
or a batch normalisation, takes each of them or their mean makes no difference. A network that ends in a classifier of
enlarged maps so ends in the enlargement, which the head `scores` leaves to the runtime.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import fx

from edgeseg.exporters.passes.edit import RESIZINGS, arguments, calls, looks_at_pixels, only_user, shape

__all__ = ["FORMATS", "POINTWISE_ENDS", "rewrite"]

FORMATS = ("onnx", "tflite")

_aten = torch.ops.aten
_DROPOUTS = (_aten.dropout.default, _aten.feature_dropout.default)
POINTWISE_ENDS: dict[Any, str] = {_aten.softmax.int: "softmax", _aten.log_softmax.int: "log_softmax"}
"""What may end a network, of each pixel's classes."""


def rewrite(graph: fx.GraphModule) -> int:
    """Move every one that makes no more channels than it takes, or that the network ends in; returns how many."""
    changed = 0
    for node in calls(graph, _aten.conv2d.default, _aten.batch_norm.default, *_DROPOUTS):
        enlargement: Any = node.args[0]
        others = _beside(node, enlargement)
        if not _enlarges(enlargement) or only_user(enlargement) is not node or not _is_pointwise(node):
            continue
        if any(each.op != "get_attr" for each in others):
            continue
        if shape(node)[1] <= shape(enlargement)[1] or _ends(node):
            _move(graph, node, enlargement)
            changed += 1
    return changed


def _enlarges(node: fx.Node) -> bool:
    if node.target not in RESIZINGS:
        return False
    return math.prod(shape(node)[2:]) > math.prod(shape(node.args[0])[2:])


def _is_pointwise(node: fx.Node) -> bool:
    if node.target is _aten.conv2d.default:
        return looks_at_pixels(node)
    return not arguments(node)["train" if node.target in _DROPOUTS else "training"]


def _ends(node: fx.Node) -> bool:
    """Whether nothing follows that looks at more than a pixel."""
    user = only_user(node)
    while user is not None and (user.target in POINTWISE_ENDS or _is_early(user)):
        node, user = user, only_user(user)
    return user is not None and user.op == "output"


def _is_early(node: fx.Node) -> bool:
    kinds = (_aten.conv2d.default, _aten.batch_norm.default, *_DROPOUTS)
    return node.target in kinds and _is_pointwise(node)


def _beside(node: fx.Node, enlargement: fx.Node) -> list[fx.Node]:
    """What a node takes besides an enlarged map."""
    return [each for each in node.all_input_nodes if each is not enlargement]


def _move(graph: fx.GraphModule, node: fx.Node, enlargement: Any) -> None:
    """Have a node before an enlargement, and at its place, for what is enlarged may be written to later."""
    given, sides = enlargement.args[0], shape(enlargement.args[0])
    for parameter in _beside(node, enlargement):
        enlargement.prepend(parameter)
    with graph.graph.inserting_before(enlargement):
        early = graph.graph.call_function(node.target, (given, *node.args[1:]), node.kwargs)
    early.meta = {**node.meta, "val": given.meta["val"].new_empty((sides[0], shape(node)[1], *sides[2:]))}
    node.target, node.args, node.kwargs = enlargement.target, (early, *enlargement.args[1:]), enlargement.kwargs
    graph.graph.erase_node(enlargement)
