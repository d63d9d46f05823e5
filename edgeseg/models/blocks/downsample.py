"""Halving a map's sides."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.models.blocks.conv import Activation, conv_bn

__all__ = ["PoolingDownsample"]


class PoolingDownsample(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2): a strided convolution beside an overlapping max pool.

    Source: the initial block of Paszke et al., ENet, https://arxiv.org/abs/1606.02147, section 3.
    """

    def __init__(self, inputs: int, outputs: int, act: Activation = nn.ReLU) -> None:
        super().__init__()
        self.conv = conv_bn(inputs, outputs - inputs, stride=2, act=act)
        self.pool = nn.MaxPool2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv(x), self.pool(x)], 1)
