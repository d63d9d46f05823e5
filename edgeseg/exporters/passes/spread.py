"""Maps of one pixel, or one row, spread over height and width, as resizings to the nearest pixel.

litert-torch loses the order of the dimensions that they are spread to.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn

from edgeseg.exporters.passes.edit import arguments, become, calls, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_aten = torch.ops.aten


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every spreading of four dimensions to height or width, where the others stay."""
    changed = 0
    for node in calls(graph, _aten.expand.default, _aten.expand_as.default, _aten.repeat.default):
        given = arguments(node)
        before, after = shape(given["self"]), shape(node)
        if len(before) != 4 or len(after) != 4 or before[:2] != after[:2] or before == after:
            continue
        if any(b not in (1, a) for b, a in zip(before[2:], after[2:], strict=True)):
            continue
        become(node, _spread, given["self"], after[2:])
        changed += 1
    return changed


def _spread(x: Tensor, size: tuple[int, int]) -> Tensor:
    return nn.functional.interpolate(x, size, mode="nearest")
