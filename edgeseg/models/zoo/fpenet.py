"""Feature Pyramid Encoding Network for Real-time Semantic Segmentation, BMVC 2019, https://arxiv.org/abs/1909.08599.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its logits have
gone through normalisation and ReLU.
"""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn, depthwise_bn
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "FPENet", "fpenet"]

CARD = Card(
    name="fpenet",
    title="Feature Pyramid Encoding Network for Real-time Semantic Segmentation",
    paper="https://arxiv.org/abs/1909.08599",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=0.36,
        miou_percent=72.05,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/fpenet.pth",
    ),
    sizes="sides that are a multiple of 8, or 1 less",
)


class FPEBlock(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride).

    The widened map's quarters go through depthwise convolutions of growing dilation, each result added to the next.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, expansion: int = 4) -> None:
        super().__init__()
        hidden = outputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.conv_init = conv_bn(inputs, hidden, 1)
        self.layers = nn.ModuleList(
            depthwise_bn(hidden // 4, stride=stride, dilation=dilation) for dilation in (1, 2, 4, 8)
        )
        self.conv_last = conv_bn(hidden, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.conv_init(x).chunk(4, 1)
        sums = accumulate(layer(part) for layer, part in zip(self.layers, parts, strict=True))
        out = self.conv_last(torch.cat(list(sums), 1))
        return x + out if self.residual else out


class SpatialAttention(nn.Module):
    """(N, C, H, W) -> (N, 1, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv_bn(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.mean(1, keepdim=True))


class MutualEmbeddingUpsample(nn.Module):
    """Low-level features choose pixels of the upsampled high-level ones, and these choose channels of the low-level."""

    def __init__(self, low: int, high: int, outputs: int) -> None:
        super().__init__()
        self.conv_low = conv_bn(low, outputs, 1)
        self.conv_high = conv_bn(high, outputs, 1)
        self.sa = SpatialAttention()
        self.ca = nn.Sequential(AdaptiveAvgPool(1), conv_bn(outputs, outputs, 1))

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        low, high = self.conv_low(low), self.conv_high(high)
        return low * self.ca(high) + resize(high, low) * self.sa(low)


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(FPEBlock(channels, channels) for _ in range(count)))


class FPENet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(conv_bn(3, 16, stride=2), FPEBlock(16, 16, expansion=1))
        self.stage2_0 = FPEBlock(16, 32, stride=2)
        self.stage2 = _blocks(32, 2)
        self.stage3_0 = FPEBlock(32, 64, stride=2)
        self.stage3 = _blocks(64, 8)
        self.decoder2 = MutualEmbeddingUpsample(32, 64, 64)
        self.decoder1 = MutualEmbeddingUpsample(16, 64, 32)
        self.final = conv_bn(32, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=8, rounding=2)
        half = self.stage1(image)
        quarter = self.stage2(self.stage2_0(half))
        eighth = self.stage3(self.stage3_0(quarter))
        fused = self.decoder1(half, self.decoder2(quarter, eighth))
        return resize(self.final(fused), image)


def fpenet(classes: int = 19) -> nn.Module:
    """FPENet."""
    return FPENet(classes)
