"""Bilinear sampling at the places of a grid, with the places found once for all channels.

litert-torch computes them anew for each channel and fetches value by value. Channels-last, a pixel is a row of a table,
so four rows are fetched and weighed. A place beyond a border of zeros gives what the border itself does.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.edit import arguments, become, calls, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_aten = torch.ops.aten
_BILINEAR, _ZEROS, _BORDER = 0, 0, 1


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every sampling of maps that reads zeros, or what is nearest, beyond their border."""
    changed = 0
    for node in calls(graph, _aten.grid_sampler.default, _aten.grid_sampler_2d.default):
        given = arguments(node)
        zeros, wide = given["padding_mode"] == _ZEROS, min(shape(given["input"])[2:]) > 1
        if (
            len(shape(node)) == 4
            and given["interpolation_mode"] == _BILINEAR
            and (zeros or (given["padding_mode"] == _BORDER and wide))
        ):
            become(node, _sample, given["input"], given["grid"], zeros, given["align_corners"])
            changed += 1
    return changed


def _sample(x: Tensor, grid: Tensor, zeros: bool, align_corners: bool) -> Tensor:
    """(N, C, H, W) and (N, h, w, 2), which is column and row from -1 to 1 -> (N, C, h, w)."""
    border = int(zeros)
    sides = [int(side) for side in x.shape[2:]]
    (n, channels, height, width), padded = x.shape, F.pad(x, [border] * 4)
    rows, row_share = _places(grid[..., 1], sides[0], border, align_corners)
    columns, column_share = _places(grid[..., 0], sides[1], border, align_corners)
    table = padded.permute(0, 2, 3, 1).reshape(-1, channels)
    width += 2 * border
    first = rows * width + columns
    if n > 1:
        first = first + (torch.arange(n) * (height + 2 * border) * width).reshape(n, 1, 1)

    def fetched(beyond: int) -> Tensor:
        places = (first + beyond).reshape(-1).to(torch.int32)
        return F.embedding(places, table).reshape(*first.shape, channels)

    above, left = 1 - row_share, 1 - column_share
    weighed = (
        fetched(0) * (above * left)
        + fetched(1) * (above * column_share)
        + fetched(width) * (row_share * left)
        + fetched(width + 1) * (row_share * column_share)
    )
    return weighed.permute(0, 3, 1, 2)


def _places(given: Tensor, side: int, border: int, align_corners: bool) -> tuple[Tensor, Tensor]:
    """(N, h, w) from -1 to 1 -> the pixels before, counted in the padded map, and (N, h, w, 1), how far they are."""
    at = (given + 1) / 2 * (side - 1) if align_corners else ((given + 1) * side - 1) / 2
    last = side - 1 + 2 * border
    at = torch.clamp(at + border, 0, last)
    before = torch.clamp(torch.floor(at), 0, last - 1)
    return before, (at - before)[..., None]
