"""ADSCNet: asymmetric depthwise separable convolution for semantic segmentation in real-time.

Applied Intelligence 2020, https://doi.org/10.1007/s10489-019-01587-1. After the re-implementation of
zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its logits have gone through normalisation and
ReLU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn, deconv_bn, depthwise_bn
from edgeseg.models.blocks.resize import check_size

__all__ = ["CARD", "ADSCNet", "adscnet"]

CARD = Card(
    name="adscnet",
    title="ADSCNet: asymmetric depthwise separable convolution for semantic segmentation in real-time",
    paper="https://doi.org/10.1007/s10489-019-01587-1",
    year=2020,
    framework="torch",
    published=Published(
        params_millions=0.51,
        miou_percent=69.06,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/adscnet.pth",
    ),
    sizes="sides that are a multiple of 8",
)


def _convolution(channels: int, dilation: int = 1, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        depthwise_bn(channels, kernel=(3, 1), stride=stride, dilation=dilation, act=nn.ReLU6),
        nn.Conv2d(channels, channels, 1, bias=False),
        depthwise_bn(channels, kernel=(1, 3), dilation=dilation, act=nn.ReLU6),
        nn.Conv2d(channels, channels, 1, bias=False),
    )


class ADSCUnit(nn.Module):
    """(N, C, H, W) -> the same: an asymmetric depthwise separable convolution, added to its input."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = _convolution(channels, dilation)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x)


class ADSCDownsample(nn.Module):
    """(N, C, H, W) -> (N, 2 C, H / 2, W / 2): such a convolution beside an average pool."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = _convolution(channels, stride=2)
        self.pool = nn.AvgPool2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv(x), self.pool(x)], 1)


class DenseDilatedConnections(nn.Module):
    """(N, C, H, W) -> the same: four units of growing pool and dilation, each fed with everything before it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block1 = nn.Sequential(nn.AvgPool2d(3, 1, 1), ADSCUnit(channels, 3))
        self.block2, self.block3, self.block4 = (
            nn.Sequential(
                nn.Conv2d(before * channels, channels, 1, bias=False),
                nn.AvgPool2d(extent, 1, extent // 2),
                ADSCUnit(channels, extent),
            )
            for before, extent in ((2, 5), (3, 9), (4, 13))
        )
        self.conv_last = nn.Conv2d(5 * channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        for block in (self.block1, self.block2, self.block3, self.block4):
            x = torch.cat([x, block(x)], 1)
        return self.conv_last(x)


class ADSCNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv0 = conv_bn(3, 32, stride=2, act=nn.ReLU6)
        self.conv1 = ADSCUnit(32)
        self.conv2_4 = nn.Sequential(ADSCUnit(32), ADSCDownsample(32), ADSCUnit(64))
        self.conv5 = ADSCDownsample(64)
        self.ddcc = DenseDilatedConnections(128)
        self.up1 = nn.Sequential(deconv_bn(128, 64), ADSCUnit(64))
        self.up2 = nn.Sequential(ADSCUnit(64), deconv_bn(64, 32))
        self.up3 = nn.Sequential(ADSCUnit(32), deconv_bn(32, classes))

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=8)
        half = self.conv1(self.conv0(image))
        quarter = self.conv2_4(half)
        x = self.up1(self.ddcc(self.conv5(quarter)))
        return self.up3(self.up2(x + quarter) + half)


def adscnet(classes: int = 19) -> nn.Module:
    """ADSCNet."""
    return ADSCNet(classes)
