"""SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation, https://arxiv.org/abs/1511.00561.

TPAMI 2017. After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its
convolutions have no bias, and its logits are normalised and rectified.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.resize import check_size

__all__ = ["CARD", "SegNet", "segnet"]

CARD = Card(
    name="segnet",
    title="SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation",
    paper="https://arxiv.org/abs/1511.00561",
    year=2017,
    framework="torch",
    published=Published(
        params_millions=29.48,
        miou_percent=70.77,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/segnet.pth",
    ),
    sizes="sides that are a multiple of 32",
)


def _stack(*channels: int) -> nn.Sequential:
    return nn.Sequential(*map(conv_bn, channels, channels[1:]))


class Downsampling(nn.Module):
    """(N, C, H, W) -> (N, C', H / 2, W / 2) and the places of the maxima, for Upsampling."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        self.conv = _stack(*channels)
        self.pool = nn.MaxPool2d(2, return_indices=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        pooled, places = self.pool(self.conv(x))
        return pooled, places


class Upsampling(nn.Module):
    """(N, C, H, W) -> (N, C', 2 * H, 2 * W): puts every value back where the maximum was, and convolves."""

    def __init__(self, *channels: int) -> None:
        super().__init__()
        self.pool = nn.MaxUnpool2d(2)
        self.conv = _stack(*channels)

    def forward(self, x: Tensor, places: Tensor) -> Tensor:
        return self.conv(self.pool(x, places))


class SegNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.down_stage1 = Downsampling(3, 64, 64)
        self.down_stage2 = Downsampling(64, 128, 128)
        self.down_stage3 = Downsampling(128, 256, 256, 256)
        self.down_stage4 = Downsampling(256, 512, 512, 512)
        self.down_stage5 = Downsampling(512, 512, 512, 512)
        self.up_stage5 = Upsampling(512, 512, 512, 512)
        self.up_stage4 = Upsampling(512, 512, 512, 256)
        self.up_stage3 = Upsampling(256, 256, 256, 128)
        self.up_stage2 = Upsampling(128, 128, 64)
        self.up_stage1 = Upsampling(64, 64, 64)
        self.classifier = conv_bn(64, classes)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=32)
        x, places1 = self.down_stage1(image)
        x, places2 = self.down_stage2(x)
        x, places3 = self.down_stage3(x)
        x, places4 = self.down_stage4(x)
        x, places5 = self.down_stage5(x)
        x = self.up_stage5(x, places5)
        x = self.up_stage4(x, places4)
        x = self.up_stage3(x, places3)
        x = self.up_stage2(x, places2)
        return self.classifier(self.up_stage1(x, places1))


def segnet(classes: int = 19) -> nn.Module:
    """SegNet."""
    return SegNet(classes)
