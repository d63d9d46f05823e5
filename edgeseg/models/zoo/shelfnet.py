"""ShelfNet for Fast Semantic Segmentation, ICCV workshops 2019, https://arxiv.org/abs/1811.11254.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Unlike the paper's,
the two convolutions of a block do not share their weights.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.backbones.resnet import CHANNELS, ResNet
from edgeseg.models.blocks.conv import conv_bn, deconv_bn
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "ShelfNet", "shelfnet"]

CARD = Card(
    name="shelfnet",
    title="ShelfNet for Fast Semantic Segmentation",
    paper="https://arxiv.org/abs/1811.11254",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=16.04,
        miou_percent=77.63,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/shelfnet.pth",
    ),
    sizes="sides that are a multiple of 32, or up to 3 less",
)

_HIDDEN = (32, 64, 128, 256)
"""Channels of the levels A to D, at strides 4, 8, 16 and 32."""


class Residual(nn.Module):
    """(N, C, H, W) -> the same, by two 3x3 convolutions and a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv_bn(channels, channels), conv_bn(channels, channels, act=None)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv2(self.conv1(x)) + x)


class Decoder(nn.Module):
    """From level D up to A: four maps -> those of A, B and C, of the same shapes."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = _HIDDEN
        self.block_D, self.up_D = Residual(d), deconv_bn(d, c)
        self.block_C, self.up_C = Residual(c), deconv_bn(c, b)
        self.block_B, self.up_B = Residual(b), deconv_bn(b, a)
        self.block_A = Residual(a)

    def forward(self, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c = self.block_C(c + self.up_D(self.block_D(d)))
        b = self.block_B(b + self.up_C(c))
        return self.block_A(a + self.up_B(b)), b, c


class Encoder(nn.Module):
    """From level A down to D: the maps of A, B and C -> all four, of the same shapes."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = _HIDDEN
        self.block_A, self.down_A = Residual(a), conv_bn(a, b, stride=2)
        self.block_B, self.down_B = Residual(b), conv_bn(b, c, stride=2)
        self.block_C, self.down_C = Residual(c), conv_bn(c, d, stride=2)

    def forward(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        a = self.block_A(a)
        b = self.block_B(b + self.down_A(a))
        c = self.block_C(c + self.down_B(b))
        return a, b, c, self.down_C(c)


class ShelfNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W). The backbone is the first column of the shelf."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = ResNet()
        self.conv_A, self.conv_B, self.conv_C, self.conv_D = (
            conv_bn(inputs, outputs, 1) for inputs, outputs in zip(CHANNELS, _HIDDEN, strict=True)
        )
        self.decoder2, self.encoder3, self.decoder4 = Decoder(), Encoder(), Decoder()
        self.classifier = nn.Conv2d(_HIDDEN[0], classes, 1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=32, rounding=4)
        a, b, c, d = self.backbone(image)
        column2 = self.decoder2(self.conv_A(a), self.conv_B(b), self.conv_C(c), self.conv_D(d))
        finest, *_ = self.decoder4(*self.encoder3(*column2))
        return resize(self.classifier(finest), image)


def shelfnet(classes: int = 19) -> nn.Module:
    """ShelfNet on ResNet-18."""
    return ShelfNet(classes)
