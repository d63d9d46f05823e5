"""Vortex pooling."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.models.blocks.named import named
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import resize

__all__ = ["VortexPooling"]


class VortexPooling(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H + 2, W + 2): global mean, 3x3 and three dilated 3x3, mixed by a 1x1.

    A dilated convolution takes means over as many pixels as it skips. The last convolution pads, though its kernel is
    1x1. Source: Xie et al., https://arxiv.org/abs/1804.06242, as LightNet of ansleliu has it.
    """

    def __init__(self, inputs: int, outputs: int, rates: tuple[int, int, int] = (3, 9, 27)) -> None:
        super().__init__()
        self.gave_pool = named(
            pool=AdaptiveAvgPool(1), conv1x1=nn.Conv2d(inputs, outputs, 1, bias=False), bn0=nn.BatchNorm2d(outputs)
        )
        self.conv3x3 = _dilated(inputs, outputs, 1)
        self.vortex_bra1, self.vortex_bra2, self.vortex_bra3 = (_dilated(inputs, outputs, rate) for rate in rates)
        self.vortex_catdown = named(
            conv_down=nn.Conv2d(5 * outputs, outputs, 1, padding=1, bias=False), bn_down=nn.BatchNorm2d(outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.conv3x3, self.vortex_bra1, self.vortex_bra2, self.vortex_bra3)
        return self.vortex_catdown(torch.cat([resize(self.gave_pool(x), x), *(branch(x) for branch in branches)], 1))


def _dilated(inputs: int, outputs: int, rate: int) -> nn.Sequential:
    return named(
        pool=_mean_over(rate),
        conv3x3=nn.Conv2d(inputs, outputs, 3, padding=rate, dilation=rate, bias=False),
        bn3x3=nn.BatchNorm2d(outputs),
    )


def _mean_over(side: int) -> nn.Module:
    """Of the square around each pixel, over its rows and then its columns: 54 sums instead of 729 for a side of 27."""
    if side == 1:
        return nn.Identity()
    return nn.Sequential(nn.AvgPool2d((side, 1), 1, (side // 2, 0)), nn.AvgPool2d((1, side), 1, (0, side // 2)))
