"""ELU and SELU without comparing and selecting, for which LiteRT's fast kernels have nothing.

scale * x above zero and scale * alpha * (exp(x) - 1) below is scale * (relu(x) + alpha * exp(min(x, 0)) - alpha).
"""

from __future__ import annotations

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import arguments, become, calls, only_user

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_aten = torch.ops.aten
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every ELU and SELU, unless it changes what others read too."""
    changed = 0
    for node in calls(graph, _aten.elu.default, _aten.elu_.default, _aten.selu.default, _aten.selu_.default):
        given = arguments(node)
        in_place = node.target in (_aten.elu_.default, _aten.selu_.default)
        if given.get("input_scale", 1) == 1 and not (in_place and only_user(given["self"]) is None):
            become(node, _elu, given["self"], given.get("alpha", _SELU_ALPHA), given.get("scale", _SELU_SCALE))
            changed += 1
    return changed


def _elu(x: Tensor, alpha: float, scale: float) -> Tensor:
    below = torch.exp(torch.clamp(x, max=0.0))
    if alpha == 1 == scale:
        return torch.maximum(x, below - 1)
    return torch.relu(x) * scale + (below * (alpha * scale) - alpha * scale)
