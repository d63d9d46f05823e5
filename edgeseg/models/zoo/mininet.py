"""MiniNet: Enhancing V-SLAM Keyframe Selection with an Efficient ConvNet for Semantic Analysis, ICRA 2019.

https://ieeexplore.ieee.org/document/8793923. After the re-implementation of
zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads: 1.41 M parameters where the paper states 3.1 M.
Its logits are normalised and activated; beyond an image of odd sides they are cut off.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import deconv_bn, separable
from edgeseg.models.blocks.resize import check_size, crop

__all__ = ["CARD", "MiniNet", "mininet"]

CARD = Card(
    name="mininet",
    title="Enhancing V-SLAM Keyframe Selection with an Efficient ConvNet for Semantic Analysis",
    paper="https://ieeexplore.ieee.org/document/8793923",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=1.41,
        miou_percent=61.47,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.1/mininet.pth",
    ),
    sizes="sides that are a multiple of 64, or 1 less",
)


def _down(inputs: int, outputs: int) -> nn.Sequential:
    return separable(inputs, outputs, 2, act=nn.SELU)


def _up(inputs: int, outputs: int) -> nn.Sequential:
    return deconv_bn(inputs, outputs, act=nn.SELU)


class ConvModule(nn.Module):
    """(N, C, H, W) -> the same: residual; depthwise 1x3 and 3x1, and 3x1 and 1x3 added to them."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        row, row_padding = (1, 3), (0, dilation)
        column, column_padding = (3, 1), (dilation, 0)

        def conv(kernel: tuple[int, int], padding: tuple[int, int]) -> nn.Conv2d:
            return nn.Conv2d(channels, channels, kernel, 1, padding, dilation, groups=channels, bias=False)

        self.conv1 = nn.Sequential(conv(row, row_padding), nn.SELU(), conv(column, column_padding), nn.SELU())
        self.conv2 = nn.Sequential(conv(column, column_padding), nn.SELU(), conv(row, row_padding))
        self.dropout = nn.Dropout(0.25)
        self.act = nn.SELU()

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv1(x)
        return self.act(self.dropout(self.conv2(hidden) + hidden) + x)


class MiniNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W); a dilated branch at stride 16 beside one down to stride 64."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.down1, self.down2 = _down(3, 12), _down(12, 24)
        self.down3, self.down4 = _down(24, 48), _down(48, 96)
        self.branch1 = nn.Sequential(*(ConvModule(96, dilation) for dilation in (1, 2, 4, 8)))
        self.branch2_down = _down(96, 192)
        self.branch2 = nn.Sequential(
            ConvModule(192), _down(192, 386), ConvModule(386), ConvModule(386), _up(386, 192), ConvModule(192)
        )
        self.branch2_up = _up(2 * 192, 96)
        self.up4 = nn.Sequential(_up(3 * 96, 96), ConvModule(96), nn.Conv2d(96, 48, 1, bias=False))
        self.up3, self.up2, self.up1 = _up(2 * 48, 24), _up(2 * 24, 12), _up(2 * 12, classes)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=64, rounding=2)
        x2 = self.down1(image)
        x4 = self.down2(x2)
        x8 = self.down3(x4)
        x16 = self.down4(x8)
        x32 = self.branch2_down(x16)
        deep = self.branch2_up(torch.cat([self.branch2(x32), x32], 1))
        x = self.up4(torch.cat([self.branch1(x16), deep, x16], 1))
        x = self.up3(torch.cat([x, x8], 1))
        x = self.up2(torch.cat([x, x4], 1))
        return crop(self.up1(torch.cat([x, x2], 1)), image)


def mininet(classes: int = 19) -> nn.Module:
    """MiniNet."""
    return MiniNet(classes)
