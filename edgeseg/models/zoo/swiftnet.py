"""In Defense of Pre-trained ImageNet Architectures for Real-time Semantic Segmentation of Road-driving Images.

SwiftNet, CVPR 2019, https://arxiv.org/abs/1903.08469. After the re-implementation of
zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads: its logits are normalised and rectified.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.backbones.resnet import CHANNELS, ResNet
from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.pooling import PyramidPooling
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "SwiftNet", "swiftnet"]

CARD = Card(
    name="swiftnet",
    title="In Defense of Pre-trained ImageNet Architectures for Real-time Semantic Segmentation of Road-driving Images",
    paper="https://arxiv.org/abs/1903.08469",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=11.95,
        miou_percent=75.43,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/swiftnet.pth",
    ),
    sizes="sides that are a multiple of 32, or up to 3 less",
)


class Decoder(nn.Module):
    """Adds the deep map to ever finer ones, all of `channels`: -> (N, classes, H / 4, W / 4)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.up_stage3, self.up_stage2 = conv_bn(channels, channels), conv_bn(channels, channels)
        self.up_stage1 = conv_bn(channels, classes)

    def forward(self, x4: Tensor, x8: Tensor, x16: Tensor, x: Tensor) -> Tensor:
        for stage, skip in ((self.up_stage3, x16), (self.up_stage2, x8), (self.up_stage1, x4)):
            x = stage(resize(x, skip) + skip)
        return x


class SwiftNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int, channels: int = 128) -> None:
        super().__init__()
        self.backbone = ResNet()
        self.connection1, self.connection2, self.connection3 = (conv_bn(c, channels, 1) for c in CHANNELS[:3])
        self.spp = PyramidPooling(CHANNELS[3], channels)
        self.decoder = Decoder(channels, classes)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=32, rounding=4)
        x4, x8, x16, x32 = self.backbone(image)
        x = self.decoder(self.connection1(x4), self.connection2(x8), self.connection3(x16), self.spp(x32))
        return resize(x, image)


def swiftnet(classes: int = 19) -> nn.Module:
    """SwiftNet on ResNet-18, with a single scale."""
    return SwiftNet(classes)
