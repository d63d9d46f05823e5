"""Batch normalisation behind a concatenation or a sum of convolutions, which no converter folds into them.

It is a factor and an offset per channel: of a concatenation each part takes its own channels', of a sum each addend
takes the factor and one of them the offset. A part that is no convolution, as the pooled one of ERFNet's downsampler
(Romera et al., IEEE T-ITS 2018, section III), is normalised by itself.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import arguments, calls, constant, folded, norm_factors, only_user, shape, value

__all__ = ["FORMATS", "folds", "rewrite"]

FORMATS = ("onnx", "tflite")

_aten = torch.ops.aten
_JOINTS = (_aten.cat.default, _aten.add.Tensor, _aten.add_.Tensor)


def rewrite(graph: fx.GraphModule) -> int:
    """Fold every batch normalisation of convolutions, joined in any way, that nothing else reads."""
    changed = 0
    for node in calls(graph, _aten.batch_norm.default):
        factors = norm_factors(graph, node)
        if factors is None or not folds(graph, node):
            continue
        joint = arguments(node)["input"]
        _take(graph, joint, *factors)
        node.replace_all_uses_with(joint)
        graph.graph.erase_node(node)
        changed += 1
    return changed


def folds(graph: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a batch normalisation is one that the rewrite folds."""
    joint = arguments(node)["input"]
    return joint.target in _JOINTS and (_can_take(graph, joint) or _divides(graph, joint))


def _divides(graph: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a node concatenates channels for one reader, some of them those of convolutions that can take theirs."""
    if node.target is not _aten.cat.default or only_user(node) is None or not _joins(node):
        return False
    return any(_can_take(graph, part) or _divides(graph, part) for part in node.all_input_nodes)


def _can_take(graph: fx.GraphModule, node: fx.Node) -> bool:
    if only_user(node) is None:
        return False
    if node.target is _aten.conv2d.default:
        given = arguments(node)
        bias = given["bias"]
        return value(graph, given["weight"]) is not None and (bias is None or value(graph, bias) is not None)
    return _joins(node) and all(_can_take(graph, part) for part in node.all_input_nodes)


def _joins(node: fx.Node) -> bool:
    """Whether a node concatenates channels, or adds two different maps of the same size."""
    if node.target not in _JOINTS:
        return False
    given = arguments(node)
    if node.target is _aten.cat.default:
        return int(given["dim"]) % 4 == 1 and len(node.all_input_nodes) == len(given["tensors"])
    parts = node.all_input_nodes
    return len(parts) == 2 and given["alpha"] == 1 and shape(parts[0]) == shape(parts[1])


def _take(graph: fx.GraphModule, node: fx.Node, factor: Tensor, offset: Tensor) -> None:
    if node.target is _aten.cat.default:
        channels = [shape(part)[1] for part in node.all_input_nodes]
        for part, own, moved in zip(node.all_input_nodes, factor.split(channels), offset.split(channels), strict=True):
            if _can_take(graph, part) or _divides(graph, part):
                _take(graph, part, own, moved)
            else:
                node.replace_input_with(part, _normalised(graph, node, part, own, moved))
    elif node.target is _aten.conv2d.default:
        given = arguments(node)
        weight, bias = value(graph, given["weight"]), value(graph, given["bias"])
        assert weight is not None
        scaled, moved = folded(weight, bias, (factor, offset))
        parameters = constant(graph, node, "folded_weight", scaled), constant(graph, node, "folded_bias", moved)
        node.args = (given["input"], *parameters, *node.args[3:])
    else:
        one, other = node.all_input_nodes
        _take(graph, one, factor, offset)
        _take(graph, other, factor, torch.zeros_like(offset))


def _normalised(graph: fx.GraphModule, joint: fx.Node, part: fx.Node, factor: Tensor, offset: Tensor) -> fx.Node:
    """A part's channels by a batch normalisation of their own, in front of what joins them."""
    dtype = part.meta["val"].dtype
    mean, variance = torch.zeros_like(factor), torch.ones_like(factor)
    given = {"norm_weight": factor, "norm_bias": offset, "norm_mean": mean, "norm_variance": variance}
    constants = [constant(graph, joint, stem, tensor.to(dtype)) for stem, tensor in given.items()]
    with graph.graph.inserting_before(joint):
        node = graph.graph.call_function(_aten.batch_norm.default, (part, *constants, False, 0.0, 0.0, False))
    node.meta = dict(part.meta)
    return node
