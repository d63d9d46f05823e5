"""FarSee-Net: Real-Time Semantic Segmentation by Efficient Multi-scale Context Aggregation and Feature Space
Super-resolution, ICRA 2020, https://arxiv.org/abs/2003.03913.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.backbones.resnet import ResNet
from edgeseg.models.blocks.conv import conv_bn, depthwise_bn
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "FarSeeNet", "farseenet"]

CARD = Card(
    name="farseenet",
    title="FarSee-Net: Real-Time Semantic Segmentation by Efficient Multi-scale Context Aggregation and Feature Space "
    "Super-resolution",
    paper="https://arxiv.org/abs/2003.03913",
    year=2020,
    framework="torch",
    published=Published(
        params_millions=16.75,
        miou_percent=77.35,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/farseenet.pth",
    ),
    sizes="sides that are a multiple of 32, or up to 15 less",
)


def _pyramid(inputs: int, outputs: int, dilations: tuple[int, ...]) -> nn.ModuleList:
    """Atrous pyramid pooling, factorized: a 1x1 convolution each, and a dilated depthwise one for each dilation."""
    dilated = (
        nn.Sequential(conv_bn(inputs, outputs, 1), depthwise_bn(outputs, dilation=dilation)) for dilation in dilations
    )
    return nn.ModuleList([conv_bn(inputs, outputs, 1), *dilated])


def _sub_pixel(inputs: int, outputs: int, factor: int) -> nn.Sequential:
    """(N, inputs, H, W) -> (N, outputs, factor * H, factor * W)."""
    return nn.Sequential(nn.Conv2d(inputs, outputs * factor**2, 1, bias=False), nn.PixelShuffle(factor))


class CascadedPyramid(nn.Module):
    """(N, 512, H, W) and (N, 256, 2 * H, 2 * W) -> logits (N, classes, 8 * H, 8 * W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv_high = _pyramid(512, 256, dilations=(6, 12, 18))
        self.sub_pixel_high = _sub_pixel(4 * 256, 512, factor=2)
        self.conv_low_init = conv_bn(256, 48, 1)
        self.conv_low = _pyramid(512 + 48, 128, dilations=(6, 12))
        self.conv_low_last = nn.Sequential(conv_bn(3 * 128, 512, 1), conv_bn(512, 512))
        self.sub_pixel_low = _sub_pixel(512, classes, factor=4)

    def forward(self, high: Tensor, low: Tensor) -> Tensor:
        high = self.sub_pixel_high(torch.cat([conv(high) for conv in self.conv_high], 1))
        low = torch.cat([high, self.conv_low_init(low)], 1)
        low = self.conv_low_last(torch.cat([conv(low) for conv in self.conv_low], 1))
        return self.sub_pixel_low(low)


class FarSeeNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.frontend_network = ResNet()
        self.backend_network = CascadedPyramid(classes)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=32, rounding=16)
        *_, x16, x32 = self.frontend_network(image)
        return resize(self.backend_network(x32, x16), image)


def farseenet(classes: int = 19) -> nn.Module:
    """FarSee-Net on ResNet-18."""
    return FarSeeNet(classes)
