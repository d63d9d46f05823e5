"""MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018, https://arxiv.org/abs/1801.04381, in Keras.

As DeepLab uses it: cut before the last 1x1 convolution, and dilated instead of strided beyond an output stride. Layer
names are TF-Slim's scopes.
"""

from __future__ import annotations

from functools import partial
from itertools import chain, repeat
from typing import Any

from keras import layers

from edgeseg.models.blocks.keras_conv import Norm, conv_bn
from edgeseg.models.blocks.keras_inverted import bottleneck, divisible, expand
from edgeseg.models.blocks.output_stride import dilated

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
    channels = chain.from_iterable(repeat(int(c * multiplier), n) for c, n, _ in _STAGES)
    strides = chain.from_iterable((s, *repeat(1, n - 1)) for _, n, s in _STAGES)
    plan = zip(channels, dilated(strides, output_stride, reached=2), strict=True)
    for i, (outputs, (stride, rate)) in enumerate(plan):
        name = f"{scope}.expanded_conv_{i}" if i else f"{scope}.expanded_conv"
        expanded = divisible(x.shape[-1] * (6 if i else 1))
        hidden = expand(x, expanded, name, _NORM, stride, rate, act=_RELU6)
        x = bottleneck(hidden, x, outputs, name, _NORM, residual=stride == 1)
    return x
