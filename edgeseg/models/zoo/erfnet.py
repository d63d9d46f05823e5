"""ERFNet: Efficient Residual Factorized ConvNet for Real-Time Semantic Segmentation, IEEE T-ITS 2018.

https://doi.org/10.1109/TITS.2017.2750080. After the re-implementation of
zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Unlike the paper's it normalises after each
convolution, the last one of a block after the addition, and its logits are normalised and rectified; beyond an image
whose sides are no multiple of 8 they are cut off.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn, deconv_bn
from edgeseg.models.blocks.downsample import PoolingDownsample
from edgeseg.models.blocks.resize import crop

__all__ = ["CARD", "ERFNet", "erfnet"]

CARD = Card(
    name="erfnet",
    title="ERFNet: Efficient Residual Factorized ConvNet for Real-Time Semantic Segmentation",
    paper="https://doi.org/10.1109/TITS.2017.2750080",
    year=2018,
    framework="torch",
    published=Published(
        params_millions=2.07,
        miou_percent=76.0,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/erfnet.pth",
    ),
    sizes="any size",
)


class NonBottleneck1D(nn.Module):
    """(N, C, H, W) -> the same: residual, two factorized 3x3 convolutions, the second dilated."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            conv_bn(channels, channels, (3, 1)),
            conv_bn(channels, channels, (1, 3)),
            conv_bn(channels, channels, (3, 1), dilation=dilation),
            nn.Conv2d(channels, channels, (1, 3), padding=(0, dilation), dilation=dilation, bias=False),
        )
        self.bn_act = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.bn_act(self.conv(x) + x)


def _blocks(channels: int, *dilations: int) -> nn.Sequential:
    return nn.Sequential(*(NonBottleneck1D(channels, dilation) for dilation in dilations))


class ERFNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layer1 = PoolingDownsample(3, 16)
        self.layer2 = PoolingDownsample(16, 64)
        self.layer3_7 = _blocks(64, 1, 1, 1, 1, 1)
        self.layer8 = PoolingDownsample(64, 128)
        self.layer9_16 = _blocks(128, 2, 4, 8, 16, 2, 4, 8, 16)
        self.layer17 = deconv_bn(128, 64)
        self.layer18_19 = _blocks(64, 1, 1)
        self.layer20 = deconv_bn(64, 16)
        self.layer21_22 = _blocks(16, 1, 1)
        self.layer23 = deconv_bn(16, classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.layer3_7(self.layer2(self.layer1(image)))
        x = self.layer9_16(self.layer8(x))
        x = self.layer18_19(self.layer17(x))
        x = self.layer21_22(self.layer20(x))
        return crop(self.layer23(x), image)


def erfnet(classes: int = 19) -> nn.Module:
    """ERFNet."""
    return ERFNet(classes)
