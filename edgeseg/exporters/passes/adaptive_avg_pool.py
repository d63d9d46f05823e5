"""Adaptive average pooling whose windows are not all alike, as one product with a matrix of their shares.

Converters make hundreds of slices and sums of it, each of which int8 rounds anew. A window's column of the matrix has
one value beside zero, so that int8 weights per channel hold it exactly. Where the matrix would be large, height and
width have one each.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.edit import arguments, become, calls, constant, shape, side_products

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx", "tflite")

_LARGEST = 2**22
"""Values of one matrix."""


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every adaptive average pooling of an (N, C, H, W) map to a grid that does not divide it."""
    changed = 0
    for node in calls(graph, torch.ops.aten.adaptive_avg_pool2d.default):
        given = arguments(node)["self"]
        sides, grid = shape(given)[-2:], shape(node)[-2:]
        if len(shape(given)) != 4 or not any(side % cells for side, cells in zip(sides, grid, strict=True)):
            continue
        rows, columns = (_shares(side, cells) for side, cells in zip(sides, grid, strict=True))
        if rows.numel() * columns.numel() > _LARGEST:
            matrices = [constant(graph, node, "side_shares", shares.float()) for shares in (rows, columns)]
            become(node, side_products, given, *matrices)
        else:
            shares = torch.kron(rows, columns).float()
            if grid[0] == 1:  # litert-torch merges the row with the product and then refuses its rank.
                shares = shares.repeat(2, 1)
            become(node, _pool, given, constant(graph, node, "window_shares", shares), grid)
        changed += 1
    return changed


def _shares(side: int, cells: int) -> Tensor:
    """(cells, side): what each pixel of a side has of each window's mean."""
    return F.adaptive_avg_pool1d(torch.eye(side, dtype=torch.float64)[None], cells)[0].T.contiguous()


def _pool(x: Tensor, shares: Tensor, grid: tuple[int, int]) -> Tensor:
    cells = F.linear(x.flatten(2), shares).unflatten(2, (-1, grid[1]))
    return cells if cells.shape[2] == grid[0] else cells[:, :, : grid[0]]
