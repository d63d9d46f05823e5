"""Whether a finished TFLite file holds only what Google's Edge TPU has, operator by operator.

Source: TensorFlow models on the Edge TPU, section Supported operations, https://coral.ai/docs/edgetpu/models-intro/,
for runtime 14. Not read here: limits on values of constants (strides and axes), and that the compiler leaves large
resizes and reshapes to the CPU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import prod

from edgeseg.core.graph import Graph, Node, Tensor

__all__ = ["OPERATORS", "refused"]

_Limit = Callable[[Node], str]
"""Gives what an operator has that the Edge TPU does not take; empty where it is fine."""

_SOFTMAX_ELEMENTS = 16_000
_RANK = 3
"""Dimensions of a tensor, the innermost, that may have more than one element."""


def _no_limit(node: Node) -> str:
    return ""


def _unfused(node: Node) -> str:
    return "a fused activation" if node.attributes.get("fusedActivationFunction") else ""


def _concatenation(node: Node) -> str:
    return _unfused(node) or ("a constant input" if any(tensor.constant for tensor in node.inputs) else "")


def _even_dilation(node: Node) -> str:
    height, width = (node.attributes.get(f"dilation{side}Factor", 1) for side in "HW")
    return f"dilations {height} and {width}" if height != width else ""


def _vector_out(node: Node) -> str:
    return "" if _long_sides(node.outputs[0]) <= 1 else "an output of several dimensions"


def _mean(node: Node) -> str:
    given, result = node.inputs[0].shape, node.outputs[0].shape
    over_channels = prod(result) * given[-1] == prod(given) and result[-1:] != given[-1:]
    return f"a mean over {given[-1]} channels, no multiple of 4" if over_channels and given[-1] % 4 else ""


def _shared_alpha(node: Node) -> str:
    return "a slope for every pixel" if _long_sides(node.inputs[1]) > 1 else ""


def _softmax(node: Node) -> str:
    count = prod(node.inputs[0].shape)
    return f"{count:,} elements" if _long_sides(node.inputs[0]) > 1 or count > _SOFTMAX_ELEMENTS else ""


def _plain_slice(node: Node) -> str:
    return "a mask" if node.attributes.get("ellipsisMask") or node.attributes.get("newAxisMask") else ""


_UNLIMITED = (
    "ADD",
    "EXPAND_DIMS",
    "L2_NORMALIZATION",
    "LOGISTIC",
    "MAXIMUM",
    "MINIMUM",
    "MUL",
    "PACK",
    "PAD",
    "QUANTIZE",
    "REDUCE_MAX",
    "REDUCE_MIN",
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "RSQRT",
    "SLICE",
    "SPACE_TO_DEPTH",
    "SPLIT",
    "SQUARED_DIFFERENCE",
    "SQUEEZE",
    "SUB",
    "SUM",
    "TANH",
    "TRANSPOSE",
    "TRANSPOSE_CONV",
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
)

OPERATORS: dict[str, _Limit] = {
    **dict.fromkeys(_UNLIMITED, _no_limit),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), _unfused),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), _even_dilation),
    "CONCATENATION": _concatenation,
    "FULLY_CONNECTED": _vector_out,
    "MEAN": _mean,
    "PRELU": _shared_alpha,
    "SOFTMAX": _softmax,
    "STRIDED_SLICE": _plain_slice,
}
"""By name in the TFLite schema."""


def refused(graph: Graph) -> dict[str, int]:
    """What the Edge TPU has not, in words, and how often a file holds it; empty where it has all."""
    found = Counter(filter(None, map(_refused, graph.nodes)))
    ends = [tensor for tensor in (*graph.inputs, *graph.outputs) if tensor.dtype not in ("int8", "uint8")]
    found.update(f"{tensor.dtype} at an end of the graph" for tensor in ends)
    return dict(found.most_common())


def _refused(node: Node) -> str:
    limit = OPERATORS.get(node.op)
    if limit is None:
        return node.op
    tensors = (*node.inputs, *node.outputs)
    if floats := sorted({tensor.dtype for tensor in tensors if tensor.dtype.startswith("float")}):
        return f"{node.op} in {floats[0]}"
    if any(prod(tensor.shape[:-_RANK]) > 1 for tensor in (node.inputs[0], *node.outputs)):
        return f"{node.op} of more than {_RANK} dimensions"
    problem = limit(node)
    return f"{node.op} with {problem}" if problem else ""


def _long_sides(tensor: Tensor) -> int:
    return sum(side > 1 for side in tensor.shape)
