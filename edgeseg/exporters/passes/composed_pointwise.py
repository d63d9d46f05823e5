"""Two linear maps of single pixels with an enlargement or a concatenation between them as one.

SegFormer's decoder is so made (Xie et al. 2021, section 3.2). Every pixel of an enlarged map is a mean of pixels, and a
linear map of a mean is the mean of what it makes of them. So the second one takes what the first is given, with the
product of both weights; fewer channels are enlarged and joined, and nothing is rounded in between. Two convolutions in
a row stay, for a file is to have the MAdds that its network is known for where little is gained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import (
    RESIZINGS,
    arguments,
    calls,
    constant,
    folded,
    looks_at_pixels,
    norm_factors,
    only_user,
    shape,
    weights_of,
    written,
)

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx", "tflite")

_aten = torch.ops.aten
_REORDERINGS = (
    *(_aten.reshape.default, _aten.view.default, _aten.flatten.using_ints, _aten.unflatten.int),
    *(_aten.transpose.int, _aten.permute.default, _aten.contiguous.default, _aten.clone.default),
)


@dataclass(frozen=True)
class _First:
    """A linear map of a map's pixels: weight (channels, channels of `given`), and bias where there is one."""

    given: fx.Node
    weight: Tensor
    bias: Tensor | None


def rewrite(graph: fx.GraphModule) -> int:
    """Take linear maps into the convolutions of 1x1 behind them where they make no fewer channels than they take."""
    changed = 0
    for node in calls(graph, _aten.conv2d.default):
        if (weights := _pointwise(graph, node)) is None:
            continue
        (weight, bias), parts = weights, _parts(node)
        firsts = [_first(graph, part) if len(parts) > 1 or part.target in RESIZINGS else None for part in parts]
        if not any(firsts):
            continue
        mixed = weight.double().flatten(1).split([shape(part)[1] for part in parts], 1)
        shares, moved = [], torch.zeros(len(weight), dtype=torch.double) if bias is None else bias.double()
        for first, share in zip(firsts, mixed, strict=True):
            shares.append(share if first is None else share @ first.weight)
            if first is not None and first.bias is not None:
                moved = moved + share @ first.bias
        given = [_before(graph, part, first, node) for part, first in zip(parts, firsts, strict=True)]
        _become(graph, node, given, torch.cat(shares, 1).to(weight.dtype), moved.to(weight.dtype))
        changed += 1
    return changed


def _pointwise(graph: fx.GraphModule, node: fx.Node) -> tuple[Tensor, Tensor | None] | None:
    """Weight and bias of a convolution that looks at single pixels; None for another node."""
    if node.target is not _aten.conv2d.default or arguments(node)["groups"] != 1 or not looks_at_pixels(node):
        return None
    return weights_of(graph, node)


def _parts(node: fx.Node) -> Sequence[fx.Node]:
    """What a convolution takes: the maps that are joined for it, or the one map."""
    given: Any = node.args[0]
    if given.target is not _aten.cat.default or only_user(given) is not node or arguments(given)["dim"] not in (1, -3):
        return [given]
    return list(given.args[0])


def _first(graph: fx.GraphModule, part: fx.Node) -> _First | None:
    """The linear map that makes a part, before it is enlarged; None where there is none, or it makes fewer channels."""
    node: Any = part.args[0] if part.target in RESIZINGS and only_user(part) else part
    if only_user(node) is None:
        return None
    found = _of_map(graph, node) or _of_tokens(graph, node)
    if found is None or written(found.given) or shape(found.given)[2:] == (1, 1):
        return None
    return found if found.weight.shape[1] <= found.weight.shape[0] else None


def _of_map(graph: fx.GraphModule, node: Any) -> _First | None:
    """A convolution of 1x1, with a batch normalisation behind it or not."""
    norm = norm_factors(graph, node)
    if norm:
        node = node.args[0]
    weights = _pointwise(graph, node)
    if weights is None or only_user(node) is None:
        return None
    weight, bias = folded(*weights, norm) if norm else weights
    return _First(node.args[0], weight.double().flatten(1), None if bias is None else bias.double())


def _of_tokens(graph: fx.GraphModule, node: Any) -> _First | None:
    """A linear layer of a map's pixels as rows, made a map again."""
    behind: list[fx.Node] = []
    while node.target in _REORDERINGS and only_user(node):
        behind.insert(0, node)
        node = node.args[0]
    if node.target is not _aten.linear.default or only_user(node) is None:
        return None
    weights = weights_of(graph, node)
    if not behind or weights is None:
        return None
    rows = _numbered(node)
    maps = _replayed(behind, rows)
    if maps.ndim != 4 or not torch.equal(maps.permute(0, 2, 3, 1).reshape(rows.shape), rows):
        return None
    source = _map_before(node.args[0], maps.shape[2:])
    if source is None:
        return None
    weight, bias = weights
    return _First(source, weight.double(), None if bias is None else bias.double())


def _map_before(tokens: Any, size: Sequence[int]) -> fx.Node | None:
    """The map whose pixels, row by row, tokens are; None where they come of anything else."""
    between: list[fx.Node] = []
    node = tokens
    while node.target in _REORDERINGS and not written(node):
        between.insert(0, node)
        node = node.args[0]
        if len(shape(node)) == 4 and shape(node)[2:] == tuple(size):
            pixels = _numbered(node)
            if torch.equal(_replayed(between, pixels), pixels.permute(0, 2, 3, 1).reshape(shape(tokens))):
                return node
    return None


def _numbered(node: fx.Node) -> Tensor:
    """As many values as a node gives, each another."""
    return torch.arange(node.meta["val"].numel()).view(shape(node))


def _replayed(nodes: Sequence[fx.Node], values: Tensor) -> Tensor:
    for node in nodes:
        values = node.target(values, *node.args[1:], **node.kwargs)
    return values


def _before(graph: fx.GraphModule, part: fx.Node, first: _First | None, conv: fx.Node) -> fx.Node:
    """What a convolution takes instead of a part: what its first linear map is given, as large as the part."""
    if first is None:
        return part
    if part.target not in RESIZINGS:
        return first.given
    with graph.graph.inserting_before(conv):
        resized = graph.graph.call_function(part.target, (first.given, *part.args[1:]), part.kwargs)
    resized.meta = _meta(part, shape(first.given)[1])
    return resized


def _become(graph: fx.GraphModule, conv: fx.Node, parts: Sequence[fx.Node], weight: Tensor, bias: Tensor) -> None:
    """Let a convolution take other parts with other weights."""
    joined = parts[0]
    if len(parts) > 1:
        with graph.graph.inserting_before(conv):
            joined = graph.graph.call_function(_aten.cat.default, (list(parts), 1))
        joined.meta = _meta(parts[0], weight.shape[1])
    composed = {
        "weight": constant(graph, conv, "composed_weight", weight[..., None, None]),
        "bias": constant(graph, conv, "composed_bias", bias),
    }
    kwargs = {**arguments(conv), **composed}
    conv.args, conv.kwargs = (joined,), {name: value for name, value in kwargs.items() if name != "input"}


def _meta(like: fx.Node, channels: int) -> dict[str, Any]:
    """Of a node that gives so many channels, in pixels like another's."""
    n, _, *size = shape(like)
    return {**like.meta, "val": like.meta["val"].new_empty((n, channels, *size))}
