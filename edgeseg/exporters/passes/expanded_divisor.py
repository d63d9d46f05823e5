"""Divisors that are spread over what they divide, as torch.nn.functional.normalize does; division spreads them itself.

litert-torch loses the spreading and then cannot write the division.
"""

from __future__ import annotations

import torch
from torch import fx

from edgeseg.exporters.passes.edit import arguments, calls, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx", "tflite")

_aten = torch.ops.aten
_SPREADS = (_aten.expand.default, _aten.expand_as.default)


def rewrite(graph: fx.GraphModule) -> int:
    """Divide by what is spread instead, wherever the quotient keeps its shape."""
    changed = 0
    for node in calls(graph, _aten.div.Tensor, _aten.div_.Tensor):
        given = arguments(node)
        divisor = given["other"]
        if not isinstance(divisor, fx.Node) or divisor.target not in _SPREADS:
            continue
        lone = arguments(divisor)["self"]
        if torch.broadcast_shapes(shape(given["self"]), shape(lone)) == shape(node):
            node.replace_input_with(divisor, lone)
            changed += 1
    return changed
