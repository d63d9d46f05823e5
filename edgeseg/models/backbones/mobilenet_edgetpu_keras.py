"""MobileNetEdgeTPU, found by architecture search for the Edge TPU, in Keras.

Source: https://ai.googleblog.com/2019/11/introducing-next-generation-on-device.html. As DeepLab uses it: without the
classifier, and dilated instead of strided beyond an output stride. Layer names are TF-Slim's scopes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import layers

from edgeseg.models.blocks.keras_conv import Norm, conv_bn
from edgeseg.models.blocks.keras_inverted import bottleneck, divisible, expand
from edgeseg.models.blocks.output_stride import dilated

__all__ = ["mobilenet_edgetpu"]

_NORM = Norm(epsilon=1e-3, momentum=0.997)


@dataclass(frozen=True)
class _Stage:
    """Blocks of so many channels. Fused ones expand by a full 3x3 convolution, which makes the depthwise one needless.

    The first block strides, expands eightfold and has no residual; the others expand fourfold.
    """

    channels: int
    blocks: int
    stride: int = 1
    kernel: int = 3
    fused: bool = False


_STAGES = (
    _Stage(32, 4, stride=2, fused=True),
    _Stage(48, 4, stride=2, fused=True),
    _Stage(96, 4, stride=2),
    _Stage(96, 4),
    _Stage(160, 4, stride=2, kernel=5),
    _Stage(192, 1),
)


def mobilenet_edgetpu(image: Any, multiplier: float = 1.0, output_stride: int = 16, last: int | None = None) -> Any:
    """(N, H, W, 3) -> (N, ceil(H / output_stride), ceil(W / output_stride), last).

    Every width is multiplied, the one of the last convolution unless `last` gives it.
    """
    scope, act = "MobilenetEdgeTPU", layers.ReLU
    x = conv_bn(image, divisible(32 * multiplier), f"{scope}.Conv", _NORM, 3, 2, act=act)
    x = conv_bn(x, divisible(16 * multiplier), f"{scope}.expanded_conv.project", _NORM)
    blocks = [(stage, i == 0) for stage in _STAGES for i in range(stage.blocks)]
    plan = dilated((stage.stride if first else 1 for stage, first in blocks), output_stride, reached=2)
    for i, ((stage, first), (stride, rate)) in enumerate(zip(blocks, plan, strict=True), 1):
        name, expanded = f"{scope}.expanded_conv_{i}", divisible(x.shape[-1] * (8 if first else 4))
        if stage.fused:
            hidden = conv_bn(x, expanded, f"{name}.expand", _NORM, 3, stride, rate, act=act)
        else:
            hidden = expand(x, expanded, name, _NORM, stride, rate, kernel=stage.kernel, act=act)
        x = bottleneck(hidden, x, divisible(stage.channels * multiplier), name, _NORM, residual=not first)
    return conv_bn(x, last or divisible(1280 * multiplier), f"{scope}.Conv_1", _NORM, act=act)
