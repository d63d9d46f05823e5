"""Max unpooling after max pooling of 2x2 pixels, without the places of the maxima.

In the order of a scan the first maximum wins: the right pixel of a row only where it is greater, the lower row only
where its greater pixel is. These three comparisons say where an unpooled value goes.
"""

from __future__ import annotations

import operator

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import arguments, become, calls, pair, shape
from edgeseg.exporters.passes.interleave import from_cells

__all__ = ["FORMATS", "poolings", "rewrite"]

FORMATS = ("onnx", "tflite")

_aten = torch.ops.aten


def poolings(graph: fx.GraphModule) -> list[fx.Node]:
    """The max poolings whose places only unpoolings to the size it came from read, in order of execution."""
    return [node for node in calls(graph, _aten.max_pool2d_with_indices.default) if _is_undone(node)]


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every such max pooling, and the unpoolings."""
    changed = 0
    for node in poolings(graph):
        users = _parts(node)
        with graph.graph.inserting_before(node):
            pooled = graph.graph.call_function(_pool, (arguments(node)["self"],))
            parts = [graph.graph.call_function(operator.getitem, (pooled, i)) for i in range(4)]
        if 0 in users:
            users[0].replace_all_uses_with(parts[0])
            parts[0].meta = dict(users[0].meta)
        for unpooling in list(users[1].users):
            become(unpooling, _unpool, unpooling.args[0], *parts[1:])
            changed += 1
    return changed


def _parts(node: fx.Node) -> dict[int, fx.Node]:
    """Those who read the maxima, by 0, and the places, by 1."""
    return {int(user.args[1]): user for user in node.users if user.target is operator.getitem}


def _is_undone(node: fx.Node) -> bool:
    places = _parts(node).get(1)
    if places is None or not places.users or not _halves(node):
        return False
    return all(_undoes(user, places, node) for user in places.users)


def _halves(node: fx.Node) -> bool:
    given = arguments(node)
    height, width = shape(given["self"])[2:]
    kernel, stride = pair(given["kernel_size"]), pair(given["stride"] or given["kernel_size"])
    return (
        kernel == stride == (2, 2)
        and not any(pair(given["padding"]))
        and pair(given["dilation"]) == (1, 1)
        and shape(node)[2:] == (height / 2, width / 2)
    )


def _undoes(unpooling: fx.Node, places: fx.Node, pooling: fx.Node) -> bool:
    return (
        unpooling.target is _aten.max_unpool2d.default
        and unpooling.args[1] is places
        and shape(unpooling)[2:] == shape(pooling.args[0])[2:]
        and shape(unpooling)[1] == shape(pooling)[1]
    )


def _pool(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(N, C, H, W) -> the maxima of cells, and as 0 and 1: is it in the lower row, is it right above, right below."""
    n, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(n * height // 2, 2, width // 2, 2 * channels)
    cells = [
        rows[:, r : r + 1, :, c * channels : (c + 1) * channels].reshape(n, height // 2, width // 2, channels)
        for r in range(2)
        for c in range(2)
    ]
    above, below = torch.maximum(cells[0], cells[1]), torch.maximum(cells[2], cells[3])
    lower, right_above, right_below = (below > above), (cells[1] > cells[0]), (cells[3] > cells[2])
    maxima, *places = (torch.maximum(above, below), *(place.to(x.dtype) for place in (lower, right_above, right_below)))
    return maxima.permute(0, 3, 1, 2), *(place.permute(0, 3, 1, 2) for place in places)


def _unpool(x: Tensor, *places: Tensor) -> Tensor:
    """(N, C, H / 2, W / 2) -> (N, C, H, W)."""
    x, lower, right_above, right_below = (value.permute(0, 2, 3, 1) for value in (x, *places))
    below = x * lower
    above = x - below
    right, last = above * right_above, below * right_below
    return from_cells(torch.cat([above - right, right, below - last, last], 3).permute(0, 3, 1, 2), 2, 2)
