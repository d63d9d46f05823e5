"""Convolutions of single pixels behind an enlargement, in front of it, where there are fewer pixels.

Every pixel of an enlarged map is a mean of pixels of the map, whose weights sum to one: whether a convolution of 1x1,
or a batch normalisation, takes each of them or their mean makes no difference. A network that ends in a classifier of
enlarged maps so ends in the enlargement, which the head `scores` leaves to the runtime.
"""

from __future__ import annotations

import math

import torch
from torch import fx

from edgeseg.exporters.passes.edit import arguments, calls, only_user, pair, shape

__all__ = ["FORMATS", "POINTWISE_ENDS", "rewrite"]

FORMATS = ("onnx", "tflite")

_aten = torch.ops.aten
_ENLARGEMENTS = (
    *(_aten.upsample_bilinear2d.vec, _aten.upsample_bicubic2d.vec),
    *(_aten.upsample_nearest2d.vec, _aten._upsample_nearest_exact2d.vec),
)
_DROPOUTS = (_aten.dropout.default, _aten.feature_dropout.default)
POINTWISE_ENDS = (_aten.softmax.int, _aten.log_softmax.int)
"""What may end a network, of each pixel's classes."""


def rewrite(graph: fx.GraphModule) -> int:
    """Move every one that makes no more channels than it takes, or that the network ends in; returns how many."""
    changed = 0
    for node in calls(graph, _aten.conv2d.default, _aten.batch_norm.default, *_DROPOUTS):
        enlargement = node.args[0]
        if not _enlarges(enlargement) or only_user(enlargement) is not node or not _is_pointwise(node):
            continue
        if shape(node)[1] <= shape(enlargement)[1] or _ends(node):
            _move(graph, node, enlargement)
            changed += 1
    return changed


def _enlarges(node: fx.Node) -> bool:
    if node.target not in _ENLARGEMENTS:
        return False
    return math.prod(shape(node)[2:]) > math.prod(shape(node.args[0])[2:])


def _is_pointwise(node: fx.Node) -> bool:
    given = arguments(node)
    if node.target is not _aten.conv2d.default:
        return not given["train" if node.target in _DROPOUTS else "training"]
    sides = *shape(given["weight"])[2:], *pair(given["stride"])
    return set(sides) == {1} and pair(given["padding"]) == (0, 0)


def _ends(node: fx.Node) -> bool:
    """Whether nothing follows that looks at more than a pixel."""
    user = only_user(node)
    while user is not None and (user.target in POINTWISE_ENDS or _is_early(user)):
        node, user = user, only_user(user)
    return user is not None and user.op == "output"


def _is_early(node: fx.Node) -> bool:
    kinds = (_aten.conv2d.default, _aten.batch_norm.default, *_DROPOUTS)
    return node.target in kinds and _is_pointwise(node)


def _move(graph: fx.GraphModule, node: fx.Node, enlargement: fx.Node) -> None:
    """What an enlargement gives a node, in the other order."""
    given = enlargement.args[0]
    with graph.graph.inserting_after(node):
        moved = graph.graph.call_function(enlargement.target, enlargement.args, enlargement.kwargs)
    moved.meta = dict(node.meta)
    node.replace_all_uses_with(moved)
    moved.replace_input_with(given, node)
    node.replace_input_with(enlargement, given)
    sides = shape(given)
    node.meta = {**node.meta, "val": given.meta["val"].new_empty((sides[0], shape(moved)[1], *sides[2:]))}
    graph.graph.erase_node(enlargement)
