"""Xception A, the light backbone of Li et al., DFANet, CVPR 2019, https://arxiv.org/abs/1904.02216, table 1."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from edgeseg.models.blocks.conv import conv_bn, depthwise_bn, separable

__all__ = ["CHANNELS", "XceptionA"]

CHANNELS = (48, 96, 192)
_BLOCKS = (4, 6, 4)


class SeparableBlock(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride): three separable convolutions and a skip."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        hidden = outputs // 4
        self.conv = nn.Sequential(
            separable(inputs, hidden),
            separable(hidden, hidden),
            depthwise_bn(hidden, outputs, stride=stride),
            nn.Conv2d(outputs, outputs, 1, bias=False),
            nn.ReLU(),
        )
        self.conv_stride = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) + self.conv_stride(x)


class FullyConnectedAttention(nn.Module):
    """Gates the channels by the whole map's maxima, by way of as many features as ImageNet has classes."""

    def __init__(self, channels: int, features: int = 1000) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, features)
        self.conv = conv_bn(features, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv(self.linear(x.amax((2, 3)))[:, :, None, None])


class XceptionA(nn.Module):
    """(N, inputs, H, W) -> maps of `CHANNELS` at strides 2, 4 and 8, and the last of them gated.

    With `joined` each stage also takes the map of the same size that another backbone made, in the order of `CHANNELS`.
    """

    def __init__(self, inputs: int, *, joined: bool = False) -> None:
        super().__init__()
        given = [inputs, *CHANNELS[:-1]]
        if joined:
            given = [own + other for own, other in zip(given, CHANNELS, strict=True)]
        self.enc2, self.enc3, self.enc4 = map(_stage, given, CHANNELS, _BLOCKS)
        self.fc_attention = FullyConnectedAttention(CHANNELS[-1])

    def forward(self, x: Tensor, others: tuple[Tensor, ...] = ()) -> tuple[tuple[Tensor, ...], Tensor]:
        maps = []
        for i, stage in enumerate((self.enc2, self.enc3, self.enc4)):
            x = stage(torch.cat([x, others[i]], 1) if others else x)
            maps.append(x)
        return tuple(maps), self.fc_attention(x)


def _stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    first = SeparableBlock(inputs, outputs, stride=2)
    others = (SeparableBlock(outputs, outputs, stride=1) for _ in range(blocks - 1))
    return nn.Sequential(OrderedDict(conv=nn.Sequential(first, *others)))
