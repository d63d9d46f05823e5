"""A transposed convolution as the convolution that gives all pixels of a cell as channels, and their interleaving.

Pixel s * c + r of a transposed convolution of stride s and padding p is the sum over given pixels i of the kernel's tap
r + p - s * (i - c): for every r another kernel of few taps, over the same pixels. A batch normalisation behind it goes
into the kernel, and an activation before the interleaving, where it is fused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.edit import (
    arguments,
    become,
    calls,
    constant,
    folded,
    norm_factors,
    only_user,
    pair,
    shape,
    weights_of,
    written,
)
from edgeseg.exporters.passes.interleave import from_cells, from_channels, padded

__all__ = ["convolve", "transposed_convolutions"]

_aten = torch.ops.aten
_ACTIVATIONS = (_aten.relu.default, _aten.relu_.default, _aten.relu6.default, _aten.hardtanh.default)


@dataclass(frozen=True)
class _Axis:
    """Height or width: for every pixel of a cell the kernel's tap at every given pixel, None where there is none."""

    taps: tuple[tuple[int | None, ...], ...]
    before: int
    after: int
    output: int


def transposed_convolutions(graph: fx.GraphModule) -> list[fx.Node]:
    """Those that `convolve` takes: with a constant kernel and without dilation."""
    found = []
    for node in calls(graph, _aten.conv_transpose2d.input):
        given = arguments(node)
        undilated = pair(given["dilation"]) == (1, 1)
        if weights_of(graph, node) is not None and undilated and not written(given["input"]):
            found.append(node)
    return found


def convolve(graph: fx.GraphModule, node: fx.Node) -> None:
    """Replace a transposed convolution."""
    given = arguments(node)
    weights, groups = weights_of(graph, node), given["groups"]
    assert weights is not None
    last, weight, bias = _with_norm(graph, node, weights[0].unflatten(0, (groups, -1)), weights[1])
    activation = only_user(last)
    if activation is not None and activation.target in _ACTIVATIONS:
        last = activation
    axes = (_axis(node, given, 0), _axis(node, given, 1))
    kernel = constant(graph, last, "cells_kernel", _cell_kernel(weight, axes))
    cell = len(axes[0].taps) * len(axes[1].taps)
    if bias is not None:
        bias = bias.repeat_interleave(cell) if groups > 1 else bias.repeat(cell)
    offset = None if bias is None else constant(graph, last, "cells_bias", bias)
    padding = (axes[1].before, axes[1].after, axes[0].before, axes[0].after)
    call = (given["input"], kernel, offset, groups, padding)
    sides = ((len(axes[0].taps), len(axes[1].taps)), (axes[0].output, axes[1].output))
    act = (None, ()) if activation is not last else (activation.target, activation.args[1:])
    become(last, _convolve, *call, *sides, *act)


def _with_norm(
    graph: fx.GraphModule, node: fx.Node, weight: Tensor, bias: Tensor | None
) -> tuple[fx.Node, Tensor, Tensor | None]:
    """The kernel (groups, inputs, outputs, height, width) and bias with a batch normalisation that follows in them."""
    norm = only_user(node)
    factors = None if norm is None else norm_factors(graph, norm)
    if norm is None or factors is None:
        return node, weight, bias
    groups, _, outputs, _, _ = weight.shape
    return norm, *folded(weight, bias, factors, (groups, 1, outputs, 1, 1))


def _axis(node: fx.Node, given: dict[str, Any], side: int) -> _Axis:
    stride, padding = pair(given["stride"])[side], pair(given["padding"])[side]
    size, output = shape(given["input"])[2 + side], shape(node)[2 + side]
    kernel = shape(given["weight"])[2 + side]
    first, last = -((kernel - 1 - padding) // stride), (stride - 1 + padding) // stride
    taps = tuple(
        tuple(tap if 0 <= (tap := r + padding - stride * i) < kernel else None for i in range(first, last + 1))
        for r in range(stride)
    )
    return _Axis(taps, -first, -(-output // stride) - size + last, output)


def _cell_kernel(weight: Tensor, axes: tuple[_Axis, _Axis]) -> Tensor:
    """(groups, inputs, outputs, height, width) -> (cell * groups * outputs, inputs, taps, taps)."""
    groups, inputs, outputs, _, _ = weight.shape
    rows, columns = axes[0].taps, axes[1].taps
    cells = weight.new_zeros(len(rows), len(columns), groups, outputs, inputs, len(rows[0]), len(columns[0]))
    for r, row in enumerate(rows):
        for c, column in enumerate(columns):
            for i, y in enumerate(row):
                for j, x in enumerate(column):
                    if y is not None and x is not None:
                        cells[r, c, :, :, :, i, j] = weight[..., y, x].transpose(1, 2)
    if groups > 1:
        cells = cells.permute(2, 3, 0, 1, 4, 5, 6)
    return cells.flatten(0, 3)


def _convolve(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    groups: int,
    padding: tuple[int, ...],
    cell: tuple[int, int],
    output: tuple[int, int],
    activation: Callable[..., Tensor] | None,
    limits: tuple[float, ...],
) -> Tensor:
    x = F.conv2d(padded(x, padding), kernel, bias, groups=groups)
    if activation is not None:
        x = activation(x, *limits)
    interleave = from_channels if groups > 1 else from_cells
    x = interleave(x, *cell)
    return padded(x, (0, output[1] - x.shape[3], 0, output[0] - x.shape[2]))
