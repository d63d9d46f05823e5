"""ESNet: An Efficient Symmetric Network for Real-time Semantic Segmentation, PRCV 2019, https://arxiv.org/abs/1906.09826.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its logits are
normalised and rectified; beyond an image whose sides are no multiple of 8 they are cut off.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import deconv_bn
from edgeseg.models.blocks.downsample import PoolingDownsample
from edgeseg.models.blocks.factorized import factorized
from edgeseg.models.blocks.resize import crop

__all__ = ["CARD", "ESNet", "esnet"]

CARD = Card(
    name="esnet",
    title="ESNet: An Efficient Symmetric Network for Real-time Semantic Segmentation",
    paper="https://arxiv.org/abs/1906.09826",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=1.66,
        miou_percent=71.82,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/esnet.pth",
    ),
    sizes="any size",
)


class FactorizedUnit(nn.Module):
    """(N, C, H, W) -> the same: residual, two factorized convolutions."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(*factorized(channels, kernel), *factorized(channels, kernel, act=None))
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x) + x)


class ParallelFactorizedUnit(nn.Module):
    """(N, C, H, W) -> the same: residual, a factorized convolution, then the sum of three dilated ones."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv0 = nn.Sequential(*factorized(channels))
        self.conv_left, self.conv_mid, self.conv_right = (
            nn.Sequential(*factorized(channels, dilation=dilation, act=None)) for dilation in (2, 5, 9)
        )
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv0(x)
        return self.act(self.conv_left(hidden) + self.conv_mid(hidden) + self.conv_right(hidden) + x)


def _units(count: int, channels: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(*(FactorizedUnit(channels, kernel) for _ in range(count)))


class ESNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.block1_down = PoolingDownsample(3, 16)
        self.block1 = _units(3, 16, kernel=3)
        self.block2_down = PoolingDownsample(16, 64)
        self.block2 = _units(2, 64, kernel=5)
        self.block3_down = PoolingDownsample(64, 128)
        self.block3 = nn.Sequential(*(ParallelFactorizedUnit(128) for _ in range(3)))
        self.block4_up = deconv_bn(128, 64)
        self.block4 = _units(2, 64, kernel=5)
        self.block5_up = deconv_bn(64, 16)
        self.block5 = _units(2, 16, kernel=3)
        self.full_conv = deconv_bn(16, classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.block1(self.block1_down(image))
        x = self.block2(self.block2_down(x))
        x = self.block3(self.block3_down(x))
        x = self.block4(self.block4_up(x))
        x = self.block5(self.block5_up(x))
        return crop(self.full_conv(x), image)


def esnet(classes: int = 19) -> nn.Module:
    """ESNet."""
    return ESNet(classes)
