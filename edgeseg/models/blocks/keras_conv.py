"""Convolution, batch normalisation and activation in Keras, named after TF-Slim's variable scopes.

A Keras layer's name may hold no slash, so the scope `A/B` is the name `A.B`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

__all__ = ["Activation", "Norm", "Rate", "conv_bn", "depthwise_bn", "separable_bn"]

Rate = int | tuple[int, int]
"""Of dilation, of both axes or of height and width."""

Activation = Callable[..., keras.layers.Layer]
"""Makes an activation layer of the name that it is given."""


@dataclass(frozen=True)
class Norm:
    """Batch normalisation; `momentum` is the share of the old average that a step keeps, `scope` ends its name."""

    epsilon: float
    momentum: float
    scope: str = "BatchNorm"


def conv_bn(
    x: Any,
    channels: int,
    name: str,
    norm: Norm,
    kernel: int = 1,
    stride: int = 1,
    rate: Rate = 1,
    *,
    symmetric: bool = False,
    act: Activation | None = None,
) -> Any:
    """(N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), channels), with TensorFlow's SAME padding.

    A `symmetric` one has equal padding on opposite sides at any stride, for an odd kernel.
    """
    x, padding = _padded(x, kernel, stride, name) if symmetric else (x, "same")
    conv = layers.Conv2D(
        channels,
        kernel,
        stride,
        padding,
        dilation_rate=rate,
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )
    return _normalized(conv(x), name, norm, act)


def depthwise_bn(
    x: Any,
    name: str,
    norm: Norm,
    stride: int = 1,
    rate: Rate = 1,
    *,
    kernel: int = 3,
    symmetric: bool = False,
    act: Activation | None = None,
) -> Any:
    """A convolution of one group a channel, dilated by `rate`, padded as `conv_bn` is."""
    x, padding = _padded(x, kernel, stride, name) if symmetric else (x, "same")
    conv = layers.DepthwiseConv2D(
        kernel,
        stride,
        padding,
        dilation_rate=rate,
        use_bias=False,
        depthwise_initializer=keras.initializers.RandomNormal(stddev=math.sqrt(2 / kernel**2)),
        name=name,
    )
    return _normalized(conv(x), name, norm, act)


def separable_bn(
    x: Any,
    channels: int,
    name: str,
    norm: Norm,
    stride: int = 1,
    rate: Rate = 1,
    *,
    symmetric: bool = False,
    act: Activation | None = None,
) -> Any:
    """`depthwise_bn` and a 1x1 `conv_bn`, both with the activation."""
    x = depthwise_bn(x, f"{name}_depthwise", norm, stride, rate, symmetric=symmetric, act=act)
    return conv_bn(x, channels, f"{name}_pointwise", norm, act=act)


def _padded(x: Any, kernel: int, stride: int, name: str) -> tuple[Any, str]:
    """SAME differs from symmetric padding where a stride meets an even side; there alone it is worth an operator."""
    if stride == 1 or all(side % 2 for side in x.shape[1:3]):
        return x, "same"
    return layers.ZeroPadding2D(kernel // 2, name=f"{name}.pad")(x), "valid"


def _normalized(x: Any, name: str, norm: Norm, act: Activation | None) -> Any:
    x = layers.BatchNormalization(epsilon=norm.epsilon, momentum=norm.momentum, name=f"{name}.{norm.scope}")(x)
    return x if act is None else act(name=f"{name}.act")(x)
