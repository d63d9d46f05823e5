"""LiteSeg: A Novel Lightweight ConvNet for Semantic Segmentation, DICTA 2019, https://arxiv.org/abs/1912.06683.

On MobileNetV2, after the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.backbones.mobilenetv2 import MobileNetV2
from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import resize

__all__ = ["CARD", "LiteSeg", "liteseg"]

CARD = Card(
    name="liteseg",
    title="LiteSeg: A Novel Lightweight ConvNet for Semantic Segmentation, MobileNetV2",
    paper="https://arxiv.org/abs/1912.06683",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=4.29,
        miou_percent=76.10,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.1/liteseg.pth",
    ),
    sizes="any size",
)


class DeeperAtrousPyramid(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W): the map, its convolutions at four dilations and its mean, mixed."""

    def __init__(self, inputs: int, outputs: int, hidden: int = 64) -> None:
        super().__init__()
        self.stage1 = conv_bn(inputs, hidden, 1)
        self.stage2, self.stage3, self.stage4 = (conv_bn(inputs, hidden, dilation=dilation) for dilation in (3, 6, 9))
        self.stage5 = nn.Sequential(AdaptiveAvgPool(1), nn.Conv2d(inputs, hidden, 1, bias=False))
        self.conv = conv_bn(inputs + 5 * hidden, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        branches = [stage(x) for stage in (self.stage1, self.stage2, self.stage3, self.stage4)]
        return self.conv(torch.cat([x, *branches, resize(self.stage5(x), x)], 1))


class LiteSeg(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = MobileNetV2()
        self.daspp = DeeperAtrousPyramid(320, 512)
        self.seg_head = nn.Sequential(conv_bn(512 + 32, 256), conv_bn(256, 128), nn.Conv2d(128, classes, 1, bias=False))

    def forward(self, image: Tensor) -> Tensor:
        _, x8, _, x32 = self.backbone(image)
        fused = torch.cat([resize(self.daspp(x32), x8), x8], 1)
        return resize(self.seg_head(fused), image)


def liteseg(classes: int = 19) -> nn.Module:
    """LiteSeg on MobileNetV2."""
    return LiteSeg(classes)
