"""Receptive field block."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.models.blocks.abn import ABN
from edgeseg.models.blocks.named import named
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import resize

__all__ = ["RFBlock"]


class RFBlock(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W): residual; branches of ever larger kernels, each followed by a dilation.

    Source: Liu et al., Receptive Field Block Net, https://arxiv.org/abs/1711.07767, as LightNet of ansleliu has it:
    with the global mean as a fifth branch, and every branch normalised at its start alone.
    """

    def __init__(
        self, inputs: int, outputs: int, rates: tuple[int, int, int] = (12, 24, 36), slope: float = 0.1
    ) -> None:
        super().__init__()
        self.down_chs = named(norm_act=ABN(inputs, slope), down_conv1x1=nn.Conv2d(inputs, outputs, 1, bias=False))
        self.gave_pool = named(
            norm_act=ABN(outputs, slope),
            pool=AdaptiveAvgPool(1),
            conv1_0=nn.Conv2d(outputs, outputs, 1, bias=False),
        )
        self.branch0 = named(
            norm_act=ABN(outputs, slope),
            conv1x1=nn.Conv2d(outputs, outputs, 1, bias=False),
            aconv1=nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        )
        self.branch1, self.branch2, self.branch3 = (
            _branch(outputs, kernel, rate, slope) for kernel, rate in zip((3, 5, 7), rates, strict=True)
        )
        self.conv_linear = named(conv1x1_linear=nn.Conv2d(5 * outputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        x = self.down_chs(x)
        branches = (self.branch0, self.branch1, self.branch2, self.branch3)
        mixed = self.conv_linear(torch.cat([resize(self.gave_pool(x), x), *(branch(x) for branch in branches)], 1))
        return mixed + x


def _branch(channels: int, kernel: int, rate: int, slope: float) -> nn.Sequential:
    """A row's and a column's convolution, then a dilated 3x3."""
    hidden, pad = channels * 3 // 2, kernel // 2
    return named(
        norm_act=ABN(channels, slope),
        **{
            f"conv1x{kernel}": nn.Conv2d(channels, hidden, (1, kernel), padding=(0, pad), bias=False),
            f"conv{kernel}x1": nn.Conv2d(hidden, channels, (kernel, 1), padding=(pad, 0), bias=False),
            f"aconv{kernel}": nn.Conv2d(channels, channels, 3, padding=rate, dilation=rate, bias=False),
        },
    )
