"""CANet: Cross Attention Network for Semantic Segmentation, ICIP 2019, https://arxiv.org/abs/1907.10958.

On MobileNetV2, after the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its
logits are normalised and rectified, at full size; beyond an image whose sides are no multiple of 8 they are cut off.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.backbones.mobilenetv2 import MobileNetV2
from edgeseg.models.blocks.conv import conv_bn, deconv_bn
from edgeseg.models.blocks.resize import check_size, crop

__all__ = ["CARD", "CANet", "canet"]

CARD = Card(
    name="canet",
    title="Cross Attention Network for Semantic Segmentation, MobileNetV2",
    paper="https://arxiv.org/abs/1907.10958",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=4.77,
        miou_percent=76.59,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.1/canet.pth",
    ),
    sizes="sides that are a multiple of 32, or up to 7 less",
)


class ContextBranch(nn.Module):
    """(N, 3, H, W) -> (N, 256, H / 8, W / 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = MobileNetV2()
        self.up1 = deconv_bn(320, 192)
        self.up2 = deconv_bn(192 + 96, 256)

    def forward(self, image: Tensor) -> Tensor:
        _, _, x16, x32 = self.backbone(image)
        return self.up2(torch.cat([self.up1(x32), x16], 1))


class ChannelAttention(nn.Module):
    """(N, C, H, W) -> gates (N, C, 1, 1) from each channel's peak and mean."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        gates = torch.sigmoid(self.fc(x.amax((2, 3))) + self.fc(x.mean((2, 3))))
        return gates[:, :, None, None]


class FeatureCrossAttention(nn.Module):
    """Fuses both branches, weighing pixels by the spatial one and channels by the context."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv_init = conv_bn(2 * channels, channels)
        self.sa = nn.Sequential(conv_bn(channels, 1, act=nn.Sigmoid))
        self.ca = ChannelAttention(channels)
        self.conv_last = conv_bn(channels, classes)

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        x = self.conv_init(torch.cat([spatial, context], 1))
        return self.conv_last(x * self.sa(spatial) * self.ca(context) + x)


class CANet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.spatial_branch = nn.Sequential(
            conv_bn(3, 64, stride=2), conv_bn(64, 128, stride=2), conv_bn(128, 256, stride=2)
        )
        self.context_branch = ContextBranch()
        self.fca = FeatureCrossAttention(256, classes)
        self.up = deconv_bn(classes, classes, kernel=15, stride=8)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=32, rounding=8)
        fused = self.fca(self.spatial_branch(image), self.context_branch(image))
        return crop(self.up(fused), image)


def canet(classes: int = 19) -> nn.Module:
    """CANet on MobileNetV2."""
    return CANet(classes)
