"""Depthwise convolutions of more taps than XNNPACK has kernels for, as sums of ones that it has: 7x7 as of ConvNeXt."""

from __future__ import annotations

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.core.taps import MOST_DEPTHWISE_TAPS, symmetric_parts
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
)

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace those of odd sides up to 9 that are padded evenly, a batch normalisation behind included."""
    changed = 0
    for node in calls(graph, torch.ops.aten.conv2d.default):
        given, weights = arguments(node), weights_of(graph, node)
        channels = shape(given["input"])[1]
        if weights is None or given["groups"] != channels or channels == 1:
            continue
        kernel, bias = weights
        height, width = kernel.shape[2:]
        dilation = pair(given["dilation"])
        spans = (height - 1) * dilation[0], (width - 1) * dilation[1]
        is_centered = height % 2 == width % 2 == 1 and spans == tuple(2 * side for side in pair(given["padding"]))
        parts = symmetric_parts(height, width, MOST_DEPTHWISE_TAPS) if is_centered else None
        if parts is None or len(parts) == 1:
            continue
        norm = only_user(node)
        if norm is not None and (factors := norm_factors(graph, norm)) is not None:
            kernel, bias = folded(kernel, bias, factors)
            norm.replace_all_uses_with(node)
            graph.graph.erase_node(norm)
        found = []
        for rows, columns in parts:
            part = constant(graph, node, "part_weight", kernel[:, :, rows, columns])
            found.append((part, (dilation[0] * rows.step, dilation[1] * columns.step)))
        offset = None if bias is None else constant(graph, node, "part_bias", bias)
        become(node, _sum, given["input"], offset, pair(given["stride"]), channels, *found)
        changed += 1
    return changed


def _sum(
    x: Tensor, bias: Tensor | None, stride: tuple[int, int], groups: int, *parts: tuple[Tensor, tuple[int, int]]
) -> Tensor:
    total = None
    for kernel, steps in parts:
        margins = [(side - 1) * step // 2 for side, step in zip(kernel.shape[2:], steps, strict=True)]
        part = F.conv2d(x, kernel, bias if total is None else None, stride, margins, steps, groups)
        total = part if total is None else total + part
    assert total is not None
    return total
