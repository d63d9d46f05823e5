"""Adaptive max pooling as plain ones, which are int8 too: a single one where all windows are alike.

Elsewhere the rows of each window, then its columns, are cut out and pooled; no converter takes such a pooling as it is.
"""

from __future__ import annotations

import operator

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.edit import arguments, become, calls, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx", "tflite")


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every adaptive max pooling of which nothing reads the maxima's places."""
    changed = 0
    for node in calls(graph, torch.ops.aten.adaptive_max_pool2d.default):
        given = arguments(node)["self"]
        maxima = [user for user in node.users if user.target is operator.getitem and user.args[1] == 0]
        read = [user for user in node.users if user.users and user not in maxima]
        if not maxima or read:
            continue
        rows, columns = map(_windows, shape(given)[-2:], shape(node)[-2:])
        for user in maxima:
            become(user, _pool, given, rows, columns)
        changed += 1
    return changed


def _windows(side: int, cells: int) -> list[tuple[int, int]]:
    """(first pixel, number of pixels) of each cell along one axis."""
    ends = [(i * side // cells, -(-(i + 1) * side // cells)) for i in range(cells)]
    return [(first, end - first) for first, end in ends]


def _pool(x: Tensor, rows: list[tuple[int, int]], columns: list[tuple[int, int]]) -> Tensor:
    (_, height), (_, width) = rows[0], columns[0]
    if height * len(rows) == x.shape[-2] and width * len(columns) == x.shape[-1]:
        return F.max_pool2d(x, (height, width))
    x = torch.cat([F.max_pool2d(x.narrow(-2, *row), (row[1], 1)) for row in rows], -2)
    return torch.cat([F.max_pool2d(x.narrow(-1, *column), (1, column[1])) for column in columns], -1)
