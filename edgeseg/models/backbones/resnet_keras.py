"""ResNet, Deep Residual Learning for Image Recognition, CVPR 2016, https://arxiv.org/abs/1512.03385, in Keras.

The "beta" variant of tensorflow/models: three 3x3 convolutions for the first of 7x7, strides in the last unit of a
block, and multi-grid dilation in the last block (https://arxiv.org/abs/1706.05587). Layer names are TF-Slim's scopes.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from keras import layers

from edgeseg.models.blocks.keras_conv import Norm, conv_bn
from edgeseg.models.blocks.output_stride import dilated

__all__ = ["Depth", "resnet_beta"]

Depth: TypeAlias = Literal[50, 101]
"""Layers with weights, of the original."""

_NORM = Norm(epsilon=1e-5, momentum=0.95)
_MULTI_GRID = (1, 2, 4)
"""What the rates of the last block's units are multiplied by."""


def resnet_beta(image: Any, depth: Depth, output_stride: int = 16) -> tuple[Any, Any]:
    """(N, H, W, 3) -> the features at the output stride, of 2048 channels, and those at stride 4, of 256.

    The latter are linear. Maps are of ceil(H / stride) by ceil(W / stride).
    """
    scope = f"resnet_v1_{depth}"
    x, low = _root(image, scope), None
    repeats = (3, 4, 6 if depth == 50 else 23, 3)
    units = [(block, unit) for block, last in enumerate(repeats, 1) for unit in range(1, last + 1)]
    strides = (2 if block < 4 and unit == repeats[block - 1] else 1 for block, unit in units)
    for (block, unit), (stride, rate) in zip(units, dilated(strides, output_stride, reached=4), strict=True):
        if block == 4:
            rate *= _MULTI_GRID[unit - 1]
        name = f"{scope}.block{block}.unit_{unit}.bottleneck_v1"
        x, residual = _bottleneck(x, 32 * 2**block, name, stride, rate)
        if (block, unit) == (1, 2):
            low = residual
    return x, low


def _root(image: Any, scope: str) -> Any:
    x = conv_bn(image, 64, f"{scope}.conv1_1", _NORM, 3, 2, symmetric=True, act=layers.ReLU)
    x = conv_bn(x, 64, f"{scope}.conv1_2", _NORM, 3, act=layers.ReLU)
    x = conv_bn(x, 128, f"{scope}.conv1_3", _NORM, 3, act=layers.ReLU)
    return layers.MaxPooling2D(3, 2, "same", name=f"{scope}.pool1")(x)


def _bottleneck(x: Any, channels: int, name: str, stride: int, rate: int) -> tuple[Any, Any]:
    """The unit's result, of four times as many channels, and the residual that it is made of."""
    if x.shape[-1] != 4 * channels:
        shortcut = conv_bn(x, 4 * channels, f"{name}.shortcut", _NORM, stride=stride)
    elif stride > 1:
        shortcut = layers.MaxPooling2D(1, stride, name=f"{name}.shortcut")(x)
    else:
        shortcut = x
    y = conv_bn(x, channels, f"{name}.conv1", _NORM, act=layers.ReLU)
    y = conv_bn(y, channels, f"{name}.conv2", _NORM, 3, stride, rate, symmetric=True, act=layers.ReLU)
    y = conv_bn(y, 4 * channels, f"{name}.conv3", _NORM)
    added = layers.Add(name=f"{name}.add")([shortcut, y])
    return layers.ReLU(name=f"{name}.act")(added), y
