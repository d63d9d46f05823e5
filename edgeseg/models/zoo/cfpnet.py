"""CFPNet: Channel-wise Feature Pyramid for Real-Time Semantic Segmentation, ICIP 2021, https://arxiv.org/abs/2103.12212.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its logits have
gone through normalisation and PReLU.
"""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import PReLU, conv_bn
from edgeseg.models.blocks.downsample import PoolingDownsample
from edgeseg.models.blocks.resize import check_size, resize, shrink

__all__ = ["CARD", "CFPNet", "cfpnet"]

CARD = Card(
    name="cfpnet",
    title="CFPNet: Channel-wise Feature Pyramid for Real-Time Semantic Segmentation",
    paper="https://arxiv.org/abs/2103.12212",
    year=2021,
    framework="torch",
    published=Published(
        params_millions=0.27,
        miou_percent=70.08,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/cfpnet.pth",
    ),
    sizes="sides that are a multiple of 8",
)


def _asymmetric(inputs: int, outputs: int, dilation: int) -> nn.Sequential:
    return nn.Sequential(
        conv_bn(inputs, outputs, (3, 1), dilation=dilation, act=PReLU),
        conv_bn(outputs, outputs, (1, 3), dilation=dilation, act=PReLU),
    )


class FeaturePyramidChannel(nn.Module):
    """(N, C, H, W) -> the same: three asymmetric blocks in a row, their outputs side by side."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        quarter = channels // 4
        self.block1 = _asymmetric(channels, quarter, dilation)
        self.block2 = _asymmetric(quarter, quarter, dilation)
        self.block3 = _asymmetric(quarter, channels // 2, dilation)

    def forward(self, x: Tensor) -> Tensor:
        first = self.block1(x)
        second = self.block2(first)
        return torch.cat([first, second, self.block3(second)], 1)


class CFPModule(nn.Module):
    """(N, C, H, W) -> the same: four pyramid channels of growing dilation, each added to those before it."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        hidden = channels // 4
        dilations = (1, max(1, dilation // 4), dilation // 2, dilation)
        self.conv_init = conv_bn(channels, hidden, 1, act=PReLU)
        self.layers = nn.ModuleList(FeaturePyramidChannel(hidden, d) for d in dilations)
        self.conv_last = conv_bn(channels, channels, 1, act=PReLU)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv_init(x)
        sums = accumulate(layer(hidden) for layer in self.layers)
        return self.conv_last(torch.cat(list(sums), 1)) + x


def _modules(channels: int, *dilations: int) -> nn.Sequential:
    return nn.Sequential(*(CFPModule(channels, dilation) for dilation in dilations))


class CFPNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W); the shrunken image joins the features at strides 2, 4 and 8."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv_init = nn.Sequential(
            conv_bn(3, 32, stride=2, act=PReLU), conv_bn(32, 32, act=PReLU), conv_bn(32, 32, act=PReLU)
        )
        self.downsample1 = PoolingDownsample(32 + 3, 64, PReLU)
        self.cfp1 = _modules(64, 2, 2)
        self.downsample2 = PoolingDownsample(64 + 3, 128, PReLU)
        self.cfp2 = _modules(128, 4, 4, 8, 8, 16, 16)
        self.seg_head = conv_bn(128 + 3, classes, 1, act=PReLU)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=8)
        x = self.conv_init(image)
        x = self.cfp1(self.downsample1(torch.cat([x, shrink(image, 2)], 1)))
        x = self.cfp2(self.downsample2(torch.cat([x, shrink(image, 4)], 1)))
        logits = self.seg_head(torch.cat([x, shrink(image, 8)], 1))
        return resize(logits, image)


def cfpnet(classes: int = 19) -> nn.Module:
    """CFPNet."""
    return CFPNet(classes)
