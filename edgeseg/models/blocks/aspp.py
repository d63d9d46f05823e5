"""Atrous spatial pyramid pooling with its normalisation in front."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.models.blocks.abn import ABN
from edgeseg.models.blocks.named import named
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import resize

__all__ = ["ASPP"]


class ASPP(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H + 2, W + 2): global mean, 1x1 and three dilated 3x3, mixed by a 1x1.

    The last convolution pads, though its kernel is 1x1, so a border of zeros surrounds the map. `separable` splits
    the dilated convolutions into a depthwise and a 1x1. Source: Chen et al., https://arxiv.org/abs/1706.05587, as
    LightNet of ansleliu has it: normalised before the branches and behind them together, not within.
    """

    def __init__(
        self, inputs: int, outputs: int, rates: tuple[int, int, int], slope: float = 0.1, *, separable: bool = False
    ) -> None:
        super().__init__()
        branch = _separable if separable else _dilated
        self.in_norm = ABN(inputs, slope)
        self.gave_pool = named(pool=AdaptiveAvgPool(1), conv1_0=nn.Conv2d(inputs, outputs, 1, bias=False))
        self.conv1x1 = named(conv1_1=nn.Conv2d(inputs, outputs, 1, bias=False))
        self.aspp_bra1, self.aspp_bra2, self.aspp_bra3 = (
            branch(inputs, outputs, rate, f"conv2_{i}") for i, rate in enumerate(rates, 1)
        )
        self.aspp_catdown = named(
            norm_act=ABN(5 * outputs, slope),
            conv_down=nn.Conv2d(5 * outputs, outputs, 1, padding=1, bias=False),
            dropout=nn.Dropout2d(0.2),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.in_norm(x)
        branches = (self.conv1x1, self.aspp_bra1, self.aspp_bra2, self.aspp_bra3)
        return self.aspp_catdown(torch.cat([resize(self.gave_pool(x), x), *(branch(x) for branch in branches)], 1))


def _dilated(inputs: int, outputs: int, rate: int, name: str) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=rate, dilation=rate, bias=False)
    return named(**{name: conv})


def _separable(inputs: int, outputs: int, rate: int, name: str) -> nn.Sequential:
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=rate, dilation=rate, groups=inputs, bias=False)
    return named(**{f"d{name}": depthwise, f"p{name}": nn.Conv2d(inputs, outputs, 1, bias=False)})
