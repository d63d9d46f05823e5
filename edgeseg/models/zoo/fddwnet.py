"""FDDWNet: A Lightweight Convolutional Neural Network for Real-time Semantic Segmentation, ICASSP 2020.

https://arxiv.org/abs/1911.00632. After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose
checkpoint loads. Its logits are normalised and rectified; beyond an image whose sides are no multiple of 8 they are cut
off.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn, deconv_bn, depthwise_bn
from edgeseg.models.blocks.downsample import PoolingDownsample
from edgeseg.models.blocks.resize import check_size, crop

__all__ = ["CARD", "FDDWNet", "fddwnet"]

CARD = Card(
    name="fddwnet",
    title="FDDWNet: A Lightweight Convolutional Neural Network for Real-time Semantic Segmentation",
    paper="https://arxiv.org/abs/1911.00632",
    year=2020,
    framework="torch",
    published=Published(
        params_millions=0.77,
        miou_percent=75.86,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/fddwnet.pth",
    ),
    sizes="sides that are a multiple of 8, or up to 3 less",
)


class FactorizedModule(nn.Module):
    """(N, C, H, W) -> the same: residual, two depthwise 3x1, 1x3 and 1x1 convolutions, the second time dilated."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            depthwise_bn(channels, kernel=(3, 1), act=None),
            depthwise_bn(channels, kernel=(1, 3), act=None),
            conv_bn(channels, channels, 1),
            depthwise_bn(channels, kernel=(3, 1), dilation=dilation, act=None),
            depthwise_bn(channels, kernel=(1, 3), dilation=dilation, act=None),
            conv_bn(channels, channels, 1, act=None),
        )
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x) + x)


def _modules(channels: int, *dilations: int) -> nn.Sequential:
    return nn.Sequential(*(FactorizedModule(channels, dilation) for dilation in dilations))


class FDDWNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W); the features of stride 4 join the decoder's."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layer1 = PoolingDownsample(3, 16)
        self.layer2 = PoolingDownsample(16, 64)
        self.layer3_7 = _modules(64, 1, 1, 1, 1, 1)
        self.layer8 = PoolingDownsample(64, 128)
        self.layer9_16 = _modules(128, 1, 2, 5, 9, 1, 2, 5, 9)
        self.layer17_24 = _modules(128, 2, 5, 9, 17, 2, 5, 9, 17)
        self.layer25 = deconv_bn(128, 64)
        self.layer26_27 = _modules(64, 1, 1)
        self.layer28 = deconv_bn(64, 16)
        self.layer29_30 = _modules(16, 1, 1)
        self.layer31 = deconv_bn(16, classes)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=8, rounding=4)
        quarter = self.layer3_7(self.layer2(self.layer1(image)))
        x = self.layer17_24(self.layer9_16(self.layer8(quarter)))
        x = self.layer26_27(self.layer25(x))
        x = self.layer29_30(self.layer28(x + quarter))
        return crop(self.layer31(x), image)


def fddwnet(classes: int = 19) -> nn.Module:
    """FDDWNet."""
    return FDDWNet(classes)
