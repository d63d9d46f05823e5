"""Maps of one pixel, one row or one channel, spread over height, width or channels.

litert-torch loses the order of the dimensions that they are spread to. Over height and width they are resized to the
nearest pixel; one channel is left as it is for what spreads it by itself, and else becomes many by a convolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn

from edgeseg.exporters.passes.edit import arguments, become, calls, constant, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_aten = torch.ops.aten
_ELEMENTWISE = (_aten.add.Tensor, _aten.div.Tensor, _aten.mul.Tensor, _aten.sub.Tensor)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every spreading of four dimensions to channels, height or width, where the others stay."""
    changed = 0
    for node in calls(graph, _aten.expand.default, _aten.expand_as.default, _aten.repeat.default):
        given = arguments(node)["self"]
        before, after = shape(given), shape(node)
        if len(before) != 4 or len(after) != 4 or before[0] != after[0] or before == after:
            continue
        if any(b not in (1, a) for b, a in zip(before[1:], after[1:], strict=True)):
            continue
        if before[1] == after[1]:
            become(node, _spread, given, after[2:])
        else:
            for user in [user for user in node.users if _spreads(user, node, after)]:
                user.replace_input_with(node, given)
            kernel = constant(graph, node, "channels", torch.ones(after[1], 1, 1, 1))
            become(node, _spread_channel, given, kernel, after[2:])
        changed += 1
    return changed


def _spreads(user: fx.Node, node: fx.Node, size: tuple[int, ...]) -> bool:
    """Whether an operator comes to a size without one of its operands being spread to it."""
    others = [each for each in user.all_input_nodes if each is not node]
    return user.target in _ELEMENTWISE and any(shape(other) == size for other in others)


def _spread(x: Tensor, size: tuple[int, int]) -> Tensor:
    return nn.functional.interpolate(x, size, mode="nearest")


def _spread_channel(x: Tensor, kernel: Tensor, size: tuple[int, int]) -> Tensor:
    spread = nn.functional.conv2d(x, kernel)
    return spread if spread.shape[2:] == size else _spread(spread, size)
