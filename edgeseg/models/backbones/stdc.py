"""The short-term dense concatenation backbone of Fan et al., CVPR 2021, https://arxiv.org/abs/2104.13188."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.models.blocks.conv import conv_bn

__all__ = ["STDC1", "STDC2", "Repeats", "stages"]

Repeats = tuple[int, int, int]
"""Blocks of the stages at strides 8, 16 and 32."""

STDC1: Repeats = (2, 2, 2)
STDC2: Repeats = (4, 5, 3)


class ShortTermDenseConcat(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride): four convolutions in a row, all their maps kept."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half, quarter, eighth = outputs // 2, outputs // 4, outputs // 8
        self.block1 = conv_bn(inputs, half, 1)
        self.block2 = conv_bn(half, quarter, stride=stride)
        self.block3 = conv_bn(quarter, eighth)
        self.block4 = conv_bn(eighth, eighth)
        self.pool = nn.AvgPool2d(3, 2, 1) if stride == 2 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.block1(x)
        maps = [self.pool(x)]
        for block in (self.block2, self.block3, self.block4):
            maps.append(x := block(x))
        return torch.cat(maps, 1)


def stages(repeats: Repeats) -> tuple[nn.Sequential, ...]:
    """Five stages that each halve the sides: (N, 3, H, W) -> 32, 64, 256, 512 and 1024 channels."""
    deep = (
        nn.Sequential(
            ShortTermDenseConcat(inputs, outputs, stride=2),
            *(ShortTermDenseConcat(outputs, outputs, stride=1) for _ in range(count - 1)),
        )
        for inputs, outputs, count in zip((64, 256, 512), (256, 512, 1024), repeats, strict=True)
    )
    return conv_bn(3, 32, stride=2), conv_bn(32, 64, stride=2), *deep
