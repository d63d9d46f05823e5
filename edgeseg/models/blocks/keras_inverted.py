"""The inverted residual of MobileNets in Keras, in two parts, so that something can be put between them.

Source: Sandler et al., MobileNetV2, https://arxiv.org/abs/1801.04381. Layer names are TF-Slim's scopes.
"""

from __future__ import annotations

from typing import Any

from keras import layers

from edgeseg.models.blocks.keras_conv import Activation, Norm, conv_bn, depthwise_bn

__all__ = ["bottleneck", "divisible", "expand"]


def divisible(channels: float, by: int = 8) -> int:
    """The nearest multiple, but no more than a tenth below."""
    rounded = max(by, int(channels + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * channels else rounded


def expand(
    x: Any, channels: int, name: str, norm: Norm, stride: int = 1, rate: int = 1, *, kernel: int = 3, act: Activation
) -> Any:
    """(N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), channels): 1x1 where that is more than C, depthwise."""
    if x.shape[-1] != channels:
        x = conv_bn(x, channels, f"{name}.expand", norm, act=act)
    return depthwise_bn(x, f"{name}.depthwise", norm, stride, rate, kernel=kernel, act=act)


def bottleneck(hidden: Any, x: Any, channels: int, name: str, norm: Norm, *, residual: bool = True) -> Any:
    """(N, h, w, any) -> (N, h, w, channels): 1x1, linear; with `residual` `x` is added, where it has as many."""
    y = conv_bn(hidden, channels, f"{name}.project", norm)
    return layers.Add(name=f"{name}.add")([y, x]) if residual and x.shape[-1] == channels else y
