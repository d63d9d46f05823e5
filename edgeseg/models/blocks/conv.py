"""Convolution, batch normalisation and activation, as numbered parts 0, 1, 2."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn

__all__ = ["Activation", "PReLU", "conv_bn", "deconv_bn", "depthwise_bn", "pointwise_bn", "separable"]

Activation = Callable[[], nn.Module]
Extent = int | tuple[int, int]
"""Of a kernel or its dilation: of both sides, or (height, width)."""


class PReLU(nn.Module):
    """With a single slope, under the published checkpoints' name for it."""

    def __init__(self) -> None:
        super().__init__()
        self.activation = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x)


def conv_bn(
    inputs: int,
    outputs: int,
    kernel: Extent = 3,
    stride: int = 1,
    *,
    groups: int = 1,
    dilation: Extent = 1,
    bias: bool = False,
    act: Activation | None = nn.ReLU,
) -> nn.Sequential:
    """(N, inputs, H, W) -> (N, outputs, ceil(H / stride), ceil(W / stride)), for odd kernels."""
    kernel, dilation = _pair(kernel), _pair(dilation)
    padding = (dilation[0] * (kernel[0] - 1) // 2, dilation[1] * (kernel[1] - 1) // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=bias)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([] if act is None else [act()]))


def depthwise_bn(
    inputs: int,
    outputs: int | None = None,
    kernel: Extent = 3,
    stride: int = 1,
    *,
    dilation: Extent = 1,
    act: Activation | None = nn.ReLU,
) -> nn.Sequential:
    """One group a channel; `outputs` (default: `inputs`) is a multiple of `inputs`."""
    return conv_bn(inputs, outputs or inputs, kernel, stride, groups=inputs, dilation=dilation, act=act)


def pointwise_bn(inputs: int, outputs: int, *, act: Activation | None = nn.ReLU) -> nn.Sequential:
    """A 1x1 convolution, which keeps its bias although a batch normalisation follows."""
    return conv_bn(inputs, outputs, 1, bias=True, act=act)


def separable(
    inputs: int, outputs: int, stride: int = 1, *, dilation: Extent = 1, act: Activation | None = nn.ReLU
) -> nn.Sequential:
    """A depthwise 3x3 and a pointwise convolution, each normalised and activated."""
    depthwise = depthwise_bn(inputs, stride=stride, dilation=dilation, act=act)
    return nn.Sequential(depthwise, pointwise_bn(inputs, outputs, act=act))


def deconv_bn(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 2, *, act: Activation | None = nn.ReLU
) -> nn.Sequential:
    """(N, inputs, H, W) -> (N, outputs, stride * H, stride * W): a transposed convolution with bias, normalised."""
    padding = (kernel - 1) // 2
    conv = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, output_padding=stride - kernel + 2 * padding)
    parts = nn.Sequential(conv, nn.BatchNorm2d(outputs), *([] if act is None else [act()]))
    return nn.Sequential(OrderedDict(up_conv=parts))


def _pair(extent: Extent) -> tuple[int, int]:
    return (extent, extent) if isinstance(extent, int) else extent
