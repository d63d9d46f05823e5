"""Average pooling that leaves its padding out of the mean, which TFLite only knows where the padding is "same".

The sum over a padded window is the mean with the padding counted; a constant map of how much of each window lies inside
makes it the mean of the rest.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.edit import arguments, become, calls, constant
from edgeseg.exporters.passes.interleave import padded
from edgeseg.exporters.passes.pooling import windows

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace the padded average poolings without counted padding, and those of rounded-up size."""
    changed = 0
    for node in calls(graph, torch.ops.aten.avg_pool2d.default):
        given, pool = arguments(node), windows(node)
        counted = given["count_include_pad"] or not any(pool.padding)
        if given["divisor_override"] is not None or (counted and not given["ceil_mode"]):
            continue
        left, right, top, bottom = pool.margins
        ones = torch.ones(1, 1, *pool.sides)
        if given["count_include_pad"]:
            ones = F.pad(ones, (left, left, top, top), value=1.0)
            ones = F.pad(ones, (0, right - left, 0, bottom - top))
        else:
            ones = F.pad(ones, pool.margins)
        share = constant(graph, node, "window_share", F.avg_pool2d(ones, pool.kernel, pool.stride).reciprocal())
        become(node, _pool, given["self"], share, pool.kernel, pool.stride, pool.margins)
        changed += 1
    return changed


def _pool(
    x: Tensor, share: Tensor, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, ...]
) -> Tensor:
    return F.avg_pool2d(padded(x, padding), kernel, stride) * share
