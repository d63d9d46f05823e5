"""Searching for MobileNetV3, ICCV 2019, https://arxiv.org/abs/1905.02244, in Keras.

As DeepLab uses it: the last stage has half of the classifier's channels, the classifier is cut off, and beyond an
output stride layers are dilated instead of strided. Layer names are TF-Slim's scopes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from keras import layers

from edgeseg.models.blocks.keras_conv import Activation, Norm, conv_bn
from edgeseg.models.blocks.keras_hard import HardSigmoid, HardSwish
from edgeseg.models.blocks.keras_inverted import bottleneck, divisible, expand
from edgeseg.models.blocks.output_stride import dilated

__all__ = ["Variant", "mobilenetv3"]

Variant: TypeAlias = Literal["large", "small"]

_NORM = Norm(epsilon=1e-3, momentum=0.997)


@dataclass(frozen=True)
class _Block:
    """One row of the paper's tables 1 and 2."""

    kernel: int
    expanded: int
    channels: int
    squeezed: bool
    act: Activation
    stride: int = 1


@dataclass(frozen=True)
class _Network:
    """The blocks, the last convolution's channels, and the block whose depthwise result is tapped at stride 8."""

    blocks: tuple[_Block, ...]
    last: int
    tap: int


_RE, _HS = layers.ReLU, HardSwish
_NETWORKS = {
    "large": _Network(
        (
            _Block(3, 16, 16, False, _RE),
            _Block(3, 64, 24, False, _RE, stride=2),
            _Block(3, 72, 24, False, _RE),
            _Block(5, 72, 40, True, _RE, stride=2),
            _Block(5, 120, 40, True, _RE),
            _Block(5, 120, 40, True, _RE),
            _Block(3, 240, 80, False, _HS, stride=2),
            _Block(3, 200, 80, False, _HS),
            _Block(3, 184, 80, False, _HS),
            _Block(3, 184, 80, False, _HS),
            _Block(3, 480, 112, True, _HS),
            _Block(3, 672, 112, True, _HS),
            _Block(5, 336, 80, True, _HS, stride=2),
            _Block(5, 480, 80, True, _HS),
            _Block(5, 480, 80, True, _HS),
        ),
        last=480,
        tap=5,
    ),
    "small": _Network(
        (
            _Block(3, 16, 16, True, _RE, stride=2),
            _Block(3, 72, 24, False, _RE, stride=2),
            _Block(3, 88, 24, False, _RE),
            _Block(5, 96, 40, True, _HS, stride=2),
            _Block(5, 240, 40, True, _HS),
            _Block(5, 240, 40, True, _HS),
            _Block(5, 120, 48, True, _HS),
            _Block(5, 144, 48, True, _HS),
            _Block(5, 144, 48, True, _HS, stride=2),
            _Block(5, 288, 48, True, _HS),
            _Block(5, 288, 48, True, _HS),
        ),
        last=288,
        tap=2,
    ),
}


def mobilenetv3(image: Any, variant: Variant, output_stride: int = 32) -> tuple[Any, Any]:
    """(N, H, W, 3) -> the features at the output stride, of 480 or 288 channels, and those at stride 8, of 120 or 88.

    The latter are those of a depthwise convolution. Maps are of ceil(H / stride) by ceil(W / stride).
    """
    scope, network = "MobilenetV3", _NETWORKS[variant]
    x, tapped = conv_bn(image, 16, f"{scope}.Conv", _NORM, 3, 2, act=_HS), None
    plan = dilated((block.stride for block in network.blocks), output_stride, reached=2)
    for i, (block, (stride, rate)) in enumerate(zip(network.blocks, plan, strict=True)):
        name = f"{scope}.expanded_conv_{i}" if i else f"{scope}.expanded_conv"
        hidden = expand(x, block.expanded, name, _NORM, stride, rate, kernel=block.kernel, act=block.act)
        if i == network.tap:
            tapped = hidden
        if block.squeezed:
            hidden = _squeeze_excite(hidden, f"{name}.squeeze_excite")
        x = bottleneck(hidden, x, block.channels, name, _NORM, residual=stride == 1)
    return conv_bn(x, network.last, f"{scope}.Conv_1", _NORM, act=_HS), tapped


def _squeeze_excite(x: Any, name: str) -> Any:
    channels = x.shape[-1]
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}.mean")(x)
    y = layers.Conv2D(divisible(channels / 4), 1, activation="relu", name=f"{name}.Conv")(y)
    y = layers.Conv2D(channels, 1, name=f"{name}.Conv_1")(y)
    return layers.Multiply(name=f"{name}.scale")([x, HardSigmoid(name=f"{name}.gate")(y)])
