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

__all__ = ["Activation", "Norm", "conv_bn", "depthwise_bn"]

Activation = Callable[..., keras.layers.Layer]
"""Makes an activation layer of the name that it is given."""


@dataclass(frozen=True)
class Norm:
    """Batch normalisation; `momentum` is the share of the old average that a step keeps."""

    epsilon: float
    momentum: float


def conv_bn(
    x: Any, channels: int, name: str, norm: Norm, kernel: int = 1, stride: int = 1, *, act: Activation | None = None
) -> Any:
    """(N, H, W, C) -> (N, ceil(H / stride), ceil(W / stride), channels), with TensorFlow's SAME padding."""
    conv = layers.Conv2D(channels, kernel, stride, "same", use_bias=False, kernel_initializer="he_normal", name=name)
    return _normalized(conv(x), name, norm, act)


def depthwise_bn(
    x: Any, name: str, norm: Norm, stride: int = 1, rate: int = 1, *, act: Activation | None = None
) -> Any:
    """A 3x3 convolution of one group a channel, dilated by `rate`, with TensorFlow's SAME padding."""
    conv = layers.DepthwiseConv2D(
        3,
        stride,
        "same",
        dilation_rate=rate,
        use_bias=False,
        depthwise_initializer=keras.initializers.RandomNormal(stddev=math.sqrt(2 / 9)),
        name=name,
    )
    return _normalized(conv(x), name, norm, act)


def _normalized(x: Any, name: str, norm: Norm, act: Activation | None) -> Any:
    x = layers.BatchNormalization(epsilon=norm.epsilon, momentum=norm.momentum, name=f"{name}.BatchNorm")(x)
    return x if act is None else act(name=f"{name}.act")(x)
