"""MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018, https://arxiv.org/abs/1801.04381, in Keras.

As DeepLab uses it: cut before the last 1x1 convolution, and dilated instead of strided beyond an output stride. Layer
names are TF-Slim's scopes.
"""

from __future__ import annotations

from functools import partial
from itertools import chain, repeat
from typing import Any

from keras import layers

from edgeseg.models.blocks.keras_conv import Norm, conv_bn, depthwise_bn

__all__ = ["mobilenetv2"]

_STAGES = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
"""Channels, blocks and the first block's stride."""
_RELU6 = partial(layers.ReLU, max_value=6.0)
_NORM = Norm(epsilon=1e-3, momentum=0.997)


def mobilenetv2(image: Any, multiplier: float = 1.0, output_stride: int = 16) -> Any:
    """(N, H, W, 3) -> (N, ceil(H / output_stride), ceil(W / output_stride), 320 * multiplier).

    Stage widths are multiplied exactly, as DeepLab does; expansions are rounded to multiples of 8.
    """
    scope = "MobilenetV2"
    x = conv_bn(image, int(32 * multiplier), f"{scope}.Conv", _NORM, 3, 2, act=_RELU6)
    reached, rate = 2, 1
    plan = chain.from_iterable(zip(repeat(c, n), (s, *repeat(1, n - 1)), strict=True) for c, n, s in _STAGES)
    for i, (channels, stride) in enumerate(plan):
        dilate = stride > 1 and reached == output_stride
        step = 1 if dilate else stride
        name = f"{scope}.expanded_conv_{i}" if i else f"{scope}.expanded_conv"
        x = _block(x, int(channels * multiplier), step, rate, name, expansion=6 if i else 1)
        # The layer that would have strided keeps the rate so far; those after it make up for the stride.
        reached, rate = reached * step, rate * stride if dilate else rate
    return x


def _block(x: Any, channels: int, stride: int, rate: int, name: str, expansion: int) -> Any:
    inputs, y = x.shape[-1], x
    if expansion > 1:
        y = conv_bn(y, _divisible(inputs * expansion), f"{name}.expand", _NORM, act=_RELU6)
    y = depthwise_bn(y, f"{name}.depthwise", _NORM, stride, rate, act=_RELU6)
    y = conv_bn(y, channels, f"{name}.project", _NORM)
    return layers.Add(name=f"{name}.add")([y, x]) if stride == 1 and inputs == channels else y


def _divisible(channels: int, by: int = 8) -> int:
    """The nearest multiple, but no more than a tenth below."""
    rounded = max(by, (channels + by // 2) // by * by)
    return rounded + by if rounded < 0.9 * channels else rounded
