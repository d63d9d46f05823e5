"""ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design, ECCV 2018, in Keras.

https://arxiv.org/abs/1807.11164. For segmentation, cut before the last 1x1 convolution (https://arxiv.org/abs/1902.07476).
Layer names are TF-Slim's scopes.
"""

from __future__ import annotations

from typing import Any

from keras import layers

from edgeseg.models.blocks.keras_conv import Norm, conv_bn, depthwise_bn
from edgeseg.models.blocks.keras_shuffle import ChannelShuffle
from edgeseg.models.blocks.output_stride import dilated

__all__ = ["shufflenetv2"]

_STAGES = ((2, 116, 4), (3, 232, 8), (4, 464, 4))
"""Number, channels and units."""
_NORM = Norm(epsilon=1e-3, momentum=0.997, scope="batch_norm")


def shufflenetv2(image: Any, output_stride: int = 16) -> Any:
    """(N, H, W, 3) -> (N, ceil(H / output_stride), ceil(W / output_stride), 464).

    Beyond the output stride nothing strides, and nothing is dilated either, as published.
    """
    scope = "ShuffleNetV2"
    x = conv_bn(image, 24, f"{scope}.Conv1", _NORM, 3, 2, act=layers.ReLU)
    x = layers.MaxPooling2D(3, 2, "same", name=f"{scope}.MaxPool")(x)
    plan = dilated((2, 2, 2), output_stride, reached=4)
    for (number, channels, units), (stride, _) in zip(_STAGES, plan, strict=True):
        x = _stage(x, channels, units, stride, f"{scope}.Stage{number}")
    return x


def _stage(x: Any, channels: int, units: int, stride: int, name: str) -> Any:
    """Two halves of the channels; after the first unit each one works on a half and leaves the other as it is."""
    half = channels // 2
    y = _convolved(x, half, stride, f"{name}.unit_1")
    x = _separable(x, half, stride, f"{name}.unit_1.second_branch")
    for unit in (f"{name}.unit_{i}" for i in range(2, units + 1)):
        mixed = layers.Concatenate(name=f"{unit}.concat")([x, y])
        mixed = ChannelShuffle(2, name=f"{unit}.shuffle")(mixed)
        x, y = _convolved(mixed[..., :half], half, 1, unit), mixed[..., half:]
    return layers.Concatenate(name=f"{name}.concat")([x, y])


def _convolved(x: Any, channels: int, stride: int, name: str) -> Any:
    x = conv_bn(x, x.shape[-1], f"{name}.conv1x1_before", _NORM, act=layers.ReLU)
    return _separable(x, channels, stride, name)


def _separable(x: Any, channels: int, stride: int, name: str) -> Any:
    x = depthwise_bn(x, f"{name}.depthwise", _NORM, stride)
    return conv_bn(x, channels, f"{name}.conv1x1_after", _NORM, act=layers.ReLU)
