"""Xception, Deep Learning with Depthwise Separable Convolutions, CVPR 2017, https://arxiv.org/abs/1610.02357, in Keras.

As modified for DeepLabv3+ (https://arxiv.org/abs/1802.02611, section 3.3): deeper, strided separable convolutions for
max-pooling, batch normalisation after every depthwise convolution. Layer names are TF-Slim's scopes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from keras import layers

from edgeseg.models.blocks.keras_conv import Norm, conv_bn, separable_bn
from edgeseg.models.blocks.output_stride import dilated

__all__ = ["Depth", "xception"]

Depth: TypeAlias = Literal[41, 65, 71]
"""Layers with weights."""

_NORM = Norm(epsilon=1e-3, momentum=0.9997)
_ENTRY = ((128, 2), (256, 2), (728, 2))
_ENTRY_71 = ((128, 2), (256, 1), (256, 2), (728, 1), (728, 2))
"""Channels and strides of the entry flow's blocks."""


@dataclass(frozen=True)
class _Unit:
    """Three separable convolutions, the last one strided, and what is added to them.

    They are linear and take rectified inputs; where nothing is added, they are rectified themselves.
    """

    name: str
    channels: tuple[int, int, int]
    stride: int = 1
    skip: Literal["conv", "identity"] | None = "conv"


def _units(depth: Depth) -> list[_Unit]:
    entry = enumerate(_ENTRY_71 if depth == 71 else _ENTRY, 1)
    middle = range(1, 9 if depth == 41 else 17)
    return [
        *(_Unit(f"entry_flow.block{i}.unit_1", (width, width, width), stride) for i, (width, stride) in entry),
        *(_Unit(f"middle_flow.block1.unit_{i}", (728, 728, 728), skip="identity") for i in middle),
        _Unit("exit_flow.block1.unit_1", (728, 1024, 1024), 2),
        _Unit("exit_flow.block2.unit_1", (1536, 1536, 2048), skip=None),
    ]


def xception(image: Any, depth: Depth, output_stride: int = 16) -> tuple[Any, Any]:
    """(N, H, W, 3) -> the features at the output stride, of 2048 channels, and those at stride 4, of 256.

    The latter are linear. Maps are of ceil(H / stride) by ceil(W / stride).
    """
    scope = f"xception_{depth}"
    x = conv_bn(image, 32, f"{scope}.entry_flow.conv1_1", _NORM, 3, 2, symmetric=True, act=layers.ReLU)
    x = conv_bn(x, 64, f"{scope}.entry_flow.conv1_2", _NORM, 3, act=layers.ReLU)
    tapped = f"entry_flow.block{3 if depth == 71 else 2}.unit_1"
    units, low = _units(depth), None
    plan = dilated((unit.stride for unit in units), output_stride, reached=2)
    for unit, (stride, rate) in zip(units, plan, strict=True):
        x, before_stride = _module(x, unit, f"{scope}.{unit.name}.xception_module", stride, rate)
        if unit.name == tapped:
            low = before_stride
    return x, low


def _module(x: Any, unit: _Unit, name: str, stride: int, rate: int) -> tuple[Any, Any]:
    """The unit's result, and its second convolution's."""
    convolved = [x]
    for i, (channels, step) in enumerate(zip(unit.channels, (1, 1, stride), strict=True), 1):
        y, conv = convolved[-1], f"{name}.separable_conv{i}"
        if unit.skip:
            y = layers.ReLU(name=f"{conv}.act")(y)
        act = None if unit.skip else layers.ReLU
        convolved.append(separable_bn(y, channels, conv, _NORM, step, rate, symmetric=True, act=act))
    *_, second, y = convolved
    if unit.skip == "conv":
        x = conv_bn(x, unit.channels[-1], f"{name}.shortcut", _NORM, stride=stride)
    return layers.Add(name=f"{name}.add")([y, x]) if unit.skip else y, second
