"""Gates made of a map's means.

Source: Yu et al., BiSeNet, ECCV 2018, https://arxiv.org/abs/1808.00897, figure 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.pooling import AdaptiveAvgPool

__all__ = ["AttentionRefinement", "FeatureFusion"]


class AttentionRefinement(nn.Module):
    """(N, channels, H, W) -> the same, each channel weighed by a gate made of all channels' means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = AdaptiveAvgPool(1)
        self.conv = conv_bn(channels, channels, 1, act=nn.Sigmoid)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv(self.pool(x))


class FeatureFusion(nn.Module):
    """Mixes two maps of one size and `inputs` channels together, then adds the result weighed by its own means."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = conv_bn(inputs, outputs)
        self.pool = AdaptiveAvgPool(1)
        self.conv2 = nn.Sequential(
            nn.Conv2d(outputs, outputs, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        x = self.conv1(torch.cat([first, second], 1))
        return x + x * self.conv2(self.pool(x))
