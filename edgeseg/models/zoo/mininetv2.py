"""MiniNet-v2: An Efficient Semantic Segmentation ConvNet for Real-Time Robotic Applications, IEEE T-RO 2020.

https://ieeexplore.ieee.org/document/9023474. After the re-implementation of
zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its logits are normalised and rectified.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import deconv_bn, depthwise_bn, pointwise_bn
from edgeseg.models.blocks.downsample import PoolingDownsample
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "MiniNetV2", "mininetv2"]

CARD = Card(
    name="mininetv2",
    title="MiniNet: An Efficient Semantic Segmentation ConvNet for Real-Time Robotic Applications",
    paper="https://ieeexplore.ieee.org/document/9023474",
    year=2020,
    framework="torch",
    published=Published(
        params_millions=0.51,
        miou_percent=71.79,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/mininetv2.pth",
    ),
    sizes="sides that are a multiple of 8, or up to 3 less",
)


class Separable(nn.Module):
    """(N, C, H, W) -> the same: a depthwise 3x3 convolution and a pointwise one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dw_conv = depthwise_bn(channels)
        self.pw_conv = pointwise_bn(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.pw_conv(self.dw_conv(x))


class MultiDilationSeparable(nn.Module):
    """(N, C, H, W) -> the same: the sum of a plain and a dilated depthwise 3x3, and a pointwise convolution."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dw_conv = depthwise_bn(channels)
        self.pw_conv = pointwise_bn(channels, channels)
        self.ddw_conv = depthwise_bn(channels, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return self.pw_conv(self.dw_conv(x) + self.ddw_conv(x))


def _modules(channels: int, *dilations: int) -> nn.Sequential:
    return nn.Sequential(*(MultiDilationSeparable(channels, d) if d > 1 else Separable(channels) for d in dilations))


def _quarter() -> nn.Sequential:
    return nn.Sequential(PoolingDownsample(3, 16), PoolingDownsample(16, 64))


class MiniNetV2(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W); a second, shallow branch refines the decoder at stride 4."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.d1_2 = _quarter()
        self.ref = _quarter()
        self.m1_10 = _modules(64, *[1] * 10)
        self.d3 = PoolingDownsample(64, 128)
        self.feature_extractor = _modules(128, 1, 2, 1, 4, 1, 8, 1, 16, 1, 1, 1, 2, 1, 4, 1, 8)
        self.up1 = deconv_bn(128, 64)
        self.m26_29 = _modules(64, *[1] * 4)
        self.output = deconv_bn(64, classes)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=8, rounding=4)
        x = self.d3(self.m1_10(self.d1_2(image)))
        x = self.up1(self.feature_extractor(x)) + self.ref(image)
        return resize(self.output(self.m26_29(x)), image)


def mininetv2(classes: int = 19) -> nn.Module:
    """MiniNet-v2."""
    return MiniNetV2(classes)
