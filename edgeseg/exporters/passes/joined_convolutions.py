"""Convolutions of one map whose results are added, as one convolution.

Networks that are trained with branches are meant to run without them: RepVGG (Ding et al. 2021, section 3.3),
MobileOne, RepViT, and FastViT, whose token mixer takes a normalised map from a convolved one, scales the difference and
adds the map. A branch may be normalised, scaled by channel, or nothing but the map itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.edit import (
    arguments,
    calls,
    constant,
    norm_factors,
    only_user,
    pair,
    shape,
    value,
    weights_of,
    written,
)

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx", "tflite")

_aten = torch.ops.aten
_IN_PLACE = (_aten.add_.Tensor, _aten.sub_.Tensor)
_SIGNS = {_aten.add.Tensor: 1, _aten.add_.Tensor: 1, _aten.sub.Tensor: -1, _aten.sub_.Tensor: -1}
_SUMS = (_aten.add.Tensor, _aten.add_.Tensor)
_PRODUCTS = (_aten.mul.Tensor, _aten.mul_.Tensor)
_SHAPINGS = (_aten.view.default, _aten.reshape.default, _aten.unsqueeze.default)


@dataclass(frozen=True)
class _Branch:
    """A convolution of `given` that keeps its size but for `stride`. A map itself is one that takes channel by channel.

    `kernel` is (channels, channels of `given` / groups, height, width), of odd sides.
    """

    given: fx.Node
    kernel: Tensor
    bias: Tensor
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    is_computed: bool = True
    """Whether there is a convolution in the network for it."""
    is_bare: bool = False
    """Whether it is the map as it stands."""

    def scaled(self, factor: Tensor, offset: Tensor | float = 0.0) -> _Branch:
        """Times a factor by channel, and more by an offset."""
        kernel, bias = self.kernel * factor.view(-1, 1, 1, 1), self.bias * factor + offset
        return replace(self, kernel=kernel, bias=bias, is_bare=False)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every sum and difference of two branches, one of them a convolution at least; returns how many."""
    changed = 0
    for node in calls(graph, *_SIGNS):
        left, right, alpha = (arguments(node)[name] for name in ("self", "other", "alpha"))
        if not isinstance(right, fx.Node) or alpha != 1 or not shape(left) == shape(right) == shape(node):
            continue
        if len(shape(node)) != 4 or (node.target in _IN_PLACE and only_user(left) is None):
            continue
        first, second = _branch(graph, left), _branch(graph, right)
        joined = _joined(first, second, _SIGNS[node.target])
        if joined is not None and not written(joined.given):
            _become(graph, node, joined)
            changed += 1
    return changed


def _branch(graph: fx.GraphModule, node: Any) -> _Branch:
    """What makes a map of another one as a convolution, as far as nothing else reads what is between."""
    found = None
    if only_user(node) is not None:
        if (norm := norm_factors(graph, node)) is not None:
            found = _branch(graph, node.args[0]).scaled(*norm)
        elif (product := _factor(graph, node)) is not None:
            found = _branch(graph, product[0]).scaled(product[1])
        elif node.target in _SUMS and arguments(node)["other"] == 0:
            found = _branch(graph, node.args[0])
        else:
            found = _convolution(graph, node)
    channels = shape(node)[1]
    if found is None:
        ones = torch.ones(channels, 1, 1, 1, dtype=torch.double)
        bias = torch.zeros(channels, dtype=torch.double)
        found = _Branch(node, ones, bias, groups=channels, is_computed=False, is_bare=True)
    return found


def _factor(graph: fx.GraphModule, node: fx.Node) -> tuple[fx.Node, Tensor] | None:
    """A map and the factor, one or by channel, that a product multiplies it with."""
    if node.target not in _PRODUCTS:
        return None
    one, two = (arguments(node)[name] for name in ("self", "other"))
    for given, other in ((one, two), (two, one)):
        factor = _known(graph, other) if isinstance(other, fx.Node) else torch.tensor(other, dtype=torch.double)
        if factor is None or not isinstance(given, fx.Node) or shape(given) != shape(node):
            continue
        if factor.numel() == 1 or (factor.numel() == shape(node)[1] and factor.shape[-3:] == (factor.numel(), 1, 1)):
            return given, factor.double().flatten()
    return None


def _known(graph: fx.GraphModule, node: fx.Node) -> Tensor | None:
    """A parameter or a buffer, in another shape or not."""
    if node.target not in _SHAPINGS:
        return value(graph, node)
    known, shaping = value(graph, node.args[0]), node.target
    return None if known is None else shaping(known, *node.args[1:])


def _convolution(graph: fx.GraphModule, node: fx.Node) -> _Branch | None:
    if node.target is not _aten.conv2d.default:
        return None
    if (weights := weights_of(graph, node)) is None:
        return None
    kernel, bias = weights
    given = arguments(node)
    stride, padding, dilation = (pair(given[name]) for name in ("stride", "padding", "dilation"))
    spans = [(side - 1) * step for side, step in zip(kernel.shape[2:], dilation, strict=True)]
    if any(side % 2 == 0 for side in kernel.shape[2:]) or spans != [2 * margin for margin in padding]:
        return None
    offset = torch.zeros(len(kernel), dtype=torch.double) if bias is None else bias.double()
    return _Branch(given["input"], kernel.double(), offset, stride, dilation, given["groups"])


def _joined(left: _Branch, right: _Branch, sign: int) -> _Branch | None:
    """One convolution for both; None where there is none, or none that takes less time."""
    if left.given is not right.given or left.stride != right.stride or not (left.is_computed or right.is_computed):
        return None
    groups = min(left.groups, right.groups)
    if (left.is_bare or right.is_bare) and groups != len(left.kernel):
        return None  # Beside ones, the other weights of an output would have few of its 8 bits' steps.
    one, other = _in_groups(left, groups), _in_groups(right, groups)
    if one is None or other is None:
        return None
    dilation = []
    for axis in (0, 1):
        steps = {each.dilation[axis] for each in (left, right) if each.kernel.shape[2 + axis] > 1}
        if len(steps) > 1:
            return None
        dilation.append(steps.pop() if steps else 1)
    height, width = (max(one.shape[axis], other.shape[axis]) for axis in (2, 3))
    if height * width > sum(kernel.shape[2] * kernel.shape[3] for kernel in (one, other)):
        return None
    kernel = _padded(one, height, width) + sign * _padded(other, height, width)
    bias = left.bias + sign * right.bias
    return _Branch(left.given, kernel, bias, left.stride, (dilation[0], dilation[1]), groups)


def _in_groups(branch: _Branch, groups: int) -> Tensor | None:
    """A branch's kernel for so many groups, which one of single pixels, channel by channel, has for any number."""
    if branch.groups == groups:
        return branch.kernel
    channels = len(branch.kernel)
    if branch.kernel.shape != (channels, 1, 1, 1) or branch.groups != channels:
        return None
    inner = channels // groups
    kernel = torch.zeros(channels, inner, 1, 1, dtype=torch.double)
    kernel[range(channels), [i % inner for i in range(channels)]] = branch.kernel[:, 0]
    return kernel


def _padded(kernel: Tensor, height: int, width: int) -> Tensor:
    rows, columns = (height - kernel.shape[2]) // 2, (width - kernel.shape[3]) // 2
    return F.pad(kernel, (columns, columns, rows, rows))


def _become(graph: fx.GraphModule, node: fx.Node, branch: _Branch) -> None:
    """Let a sum be a convolution."""
    dtype = branch.given.meta["val"].dtype
    weight = constant(graph, node, "joined_weight", branch.kernel.to(dtype))
    bias = constant(graph, node, "joined_bias", branch.bias.to(dtype))
    spans = zip(branch.kernel.shape[2:], branch.dilation, strict=True)
    padding = [(side - 1) * step // 2 for side, step in spans]
    node.target, node.kwargs = _aten.conv2d.default, {}
    node.args = (branch.given, weight, bias, list(branch.stride), padding, list(branch.dilation), branch.groups)
