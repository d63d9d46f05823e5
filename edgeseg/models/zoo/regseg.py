"""RegSeg: Rethinking Dilated Convolution for Real-time Semantic Segmentation, 2021, https://arxiv.org/abs/2111.09957.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its last stage,
named after stride 16, ends at stride 32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.head import segmentation_head
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "RegSeg", "regseg"]

CARD = Card(
    name="regseg",
    title="Rethinking Dilated Convolution for Real-time Semantic Segmentation",
    paper="https://arxiv.org/abs/2111.09957",
    year=2021,
    framework="torch",
    published=Published(
        params_millions=3.37,
        miou_percent=74.28,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.2/regseg.pth",
    ),
    sizes="sides that are a multiple of 32, or 1 less",
)

_GROUP = 16
"""Channels of a group in the 3x3 convolutions."""

_DILATIONS = ((1, 1), (1, 2), (1, 2), (1, 3), (2, 3), (2, 7), (2, 3), (2, 6), (2, 5), (2, 9), (2, 11), (4, 7))
"""Of the two halves of each block at stride 16."""


class SqueezeExcitation(nn.Module):
    """Weighs the channels of a map by gates made of their means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.se_block = nn.Sequential(
            nn.Linear(channels, channels // 4), nn.ReLU(), nn.Linear(channels // 4, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.se_block(x.mean((2, 3)))[:, :, None, None]


def _excite_and_mix(channels: int) -> nn.Sequential:
    return nn.Sequential(SqueezeExcitation(channels), conv_bn(channels, channels, 1, act=None))


class Downsample(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = conv_bn(inputs, outputs, 1)
        self.conv_left = conv_bn(outputs, outputs, stride=2, groups=outputs // _GROUP)
        self.conv_skip = nn.Sequential(nn.AvgPool2d(2), conv_bn(inputs, outputs, 1, act=None))
        self.conv2 = _excite_and_mix(outputs)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv2(self.conv_left(self.conv1(x))) + self.conv_skip(x))


class DilatedBlock(nn.Module):
    """(N, C, H, W) -> (N, C, H, W): each half of the channels is convolved at a dilation of its own."""

    def __init__(self, channels: int, dilations: tuple[int, int]) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = conv_bn(channels, channels, 1)
        self.conv_left, self.conv_right = (
            conv_bn(half, half, groups=half // _GROUP, dilation=dilation) for dilation in dilations
        )
        self.conv2 = _excite_and_mix(channels)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.conv1(x).chunk(2, 1)
        return self.act(self.conv2(torch.cat([self.conv_left(left), self.conv_right(right)], 1)) + x)


class Decoder(nn.Module):
    """Maps at strides 4, 8 and 32 -> (N, classes, H / 4, W / 4)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv_d16 = conv_bn(320, 128, 1)
        self.conv_d8_stage1 = conv_bn(128, 128, 1)
        self.conv_d4_stage1 = conv_bn(48, 8, 1)
        self.conv_d8_stage2 = conv_bn(128, 64)
        self.conv_d4_stage2 = segmentation_head(64 + 8, classes, hidden=64)

    def forward(self, x4: Tensor, x8: Tensor, x32: Tensor) -> Tensor:
        x = self.conv_d8_stage2(self.conv_d8_stage1(x8) + resize(self.conv_d16(x32), x8))
        return self.conv_d4_stage2(torch.cat([self.conv_d4_stage1(x4), resize(x, x4)], 1))


class RegSeg(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv_init = conv_bn(3, 32, stride=2)
        self.stage_d4 = Downsample(32, 48)
        self.stage_d8 = nn.Sequential(Downsample(48, 128), DilatedBlock(128, (1, 1)), DilatedBlock(128, (1, 1)))
        self.stage_d16 = nn.Sequential(
            Downsample(128, 256), *(DilatedBlock(256, dilations) for dilations in _DILATIONS), Downsample(256, 320)
        )
        self.decoder = Decoder(classes)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=32, rounding=2)
        x4 = self.stage_d4(self.conv_init(image))
        x8 = self.stage_d8(x4)
        return resize(self.decoder(x4, x8, self.stage_d16(x8)), image)


def regseg(classes: int = 19) -> nn.Module:
    """RegSeg."""
    return RegSeg(classes)
