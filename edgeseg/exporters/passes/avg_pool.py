"""Average pooling that leaves its padding out of the mean, which TFLite only knows where the padding is "same".

The sum over a padded window is the mean with the padding counted; a constant map of how much of each window lies inside
makes it the mean of the rest.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.edit import arguments, become, calls, constant, pair, shape
from edgeseg.exporters.passes.interleave import padded

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace the padded average poolings without counted padding, and those of rounded-up size."""
    changed = 0
    for node in calls(graph, torch.ops.aten.avg_pool2d.default):
        given = arguments(node)
        kernel, padding = pair(given["kernel_size"]), pair(given["padding"])
        stride = pair(given["stride"] or given["kernel_size"])
        counted = given["count_include_pad"] or not any(padding)
        if given["divisor_override"] is not None or (counted and not given["ceil_mode"]):
            continue
        sides, outputs = shape(given["self"])[2:], shape(node)[2:]
        ends = [(o - 1) * s + k - n - p for o, s, k, n, p in zip(outputs, stride, kernel, sides, padding, strict=True)]
        margins = (padding[1], ends[1], padding[0], ends[0])
        ones = torch.ones(1, 1, *sides)
        if given["count_include_pad"]:
            ones = F.pad(ones, (padding[1], padding[1], padding[0], padding[0]), value=1.0)
            ones = F.pad(ones, (0, ends[1] - padding[1], 0, ends[0] - padding[0]))
        else:
            ones = F.pad(ones, margins)
        share = constant(graph, node, "window_share", F.avg_pool2d(ones, kernel, stride).reciprocal())
        become(node, _pool, given["self"], share, kernel, stride, margins)
        changed += 1
    return changed


def _pool(
    x: Tensor, share: Tensor, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, ...]
) -> Tensor:
    return F.avg_pool2d(padded(x, padding), kernel, stride) * share
