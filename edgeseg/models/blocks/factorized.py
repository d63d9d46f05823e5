"""Square convolutions factorized into a column and a row."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.models.blocks.conv import Activation, conv_bn
from edgeseg.models.blocks.shuffle import channel_shuffle

__all__ = ["SplitShuffle", "factorized"]


def factorized(
    channels: int,
    kernel: int = 3,
    dilation: int = 1,
    *,
    bias: bool = False,
    act: Activation | None = nn.ReLU,
    row_first: bool = False,
) -> tuple[nn.Module, ...]:
    """(N, C, H, W) -> the same in three parts: a column's convolution, a ReLU, and a row's, normalised and activated.

    `bias` is the first convolution's. `row_first` exchanges column and row.
    """
    padding = dilation * (kernel - 1) // 2
    column, row = (kernel, 1), (1, kernel)
    first, second, pad = (row, column, (0, padding)) if row_first else (column, row, (padding, 0))
    conv = nn.Conv2d(channels, channels, first, padding=pad, dilation=dilation, bias=bias)
    return conv, nn.ReLU(), conv_bn(channels, channels, second, dilation=dilation, act=act)


class SplitShuffle(nn.Module):
    """(N, C, H, W) -> the same: residual; each half of the channels passes two factorized convolutions, one dilated.

    Source: the split-shuffle-non-bottleneck of Wang et al., LEDNet, https://arxiv.org/abs/1905.02423.
    """

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.left_branch, self.right_branch = (
            nn.Sequential(
                *factorized(channels // 2, bias=True, row_first=row_first),
                *factorized(channels // 2, dilation=dilation, bias=True, row_first=row_first),
            )
            for row_first in (False, True)
        )
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, 1)
        residual = torch.cat([self.left_branch(left), self.right_branch(right)], 1)
        return channel_shuffle(self.act(x + residual), groups=2)
