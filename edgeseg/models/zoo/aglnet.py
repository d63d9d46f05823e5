"""AGLNet: real-time segmentation of self-driving images via an attention-guided lightweight network.

Applied Soft Computing 2020, https://www.sciencedirect.com/science/article/abs/pii/S1568494620306207. After the
re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn, deconv_bn
from edgeseg.models.blocks.downsample import PoolingDownsample
from edgeseg.models.blocks.factorized import SplitShuffle
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "AGLNet", "aglnet"]

CARD = Card(
    name="aglnet",
    title="AGLNet: Towards real-time semantic segmentation of self-driving images via attention-guided lightweight "
    "network",
    paper="https://www.sciencedirect.com/science/article/abs/pii/S1568494620306207",
    year=2020,
    framework="torch",
    published=Published(
        params_millions=1.02,
        miou_percent=73.58,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/aglnet.pth",
    ),
    sizes="sides that are a multiple of 8, or 1 less",
)


class FactorizedPyramid(nn.Module):
    """(N, inputs, H, W) -> (N, 1, H, W), out of factorized convolutions at three coarser scales."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv11, self.conv12 = conv_bn(inputs, 1, (1, 7), stride=2), conv_bn(1, 1, (7, 1))
        self.conv21, self.conv22 = conv_bn(1, 1, (1, 5), stride=2), conv_bn(1, 1, (5, 1))
        self.conv31, self.conv32 = conv_bn(1, 1, (1, 3), stride=2), conv_bn(1, 1, (3, 1))

    def forward(self, x: Tensor) -> Tensor:
        half = self.conv11(x)
        quarter = self.conv21(half)
        mixed = resize(self.conv32(self.conv31(quarter)), quarter) + self.conv22(quarter)
        return resize(resize(mixed, half) + self.conv12(half), x)


class PyramidAttention(nn.Module):
    """(N, C, H, W) -> the same: weighted by a pyramid of itself, with the whole map's mean, convolved, added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pfa = FactorizedPyramid(channels)
        self.conv = nn.Conv2d(1, channels, 1, bias=False)
        self.gp = nn.Sequential(AdaptiveAvgPool(1), nn.Conv2d(channels, channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv(self.pfa(x)) + self.gp(x)


class SpatialGate(nn.Module):
    """(N, C, H, W) -> the same: each pixel weighted."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv(x).sigmoid()


class ChannelGate(nn.Module):
    """(N, C, H, W) -> the same: each channel weighted."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = AdaptiveAvgPool(1)
        self.conv = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv(self.pool(x)).sigmoid()


class AttentionUpsampling(nn.Module):
    """(N, inputs, H, W) and features (N, outputs, 2 * H, 2 * W) -> (N, outputs, 2 * H, 2 * W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.up_conv = deconv_bn(inputs, outputs)[0]
        self.sab = SpatialGate(outputs)
        self.cab = ChannelGate(outputs)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = self.up_conv(x)
        gated = x * self.sab(skip)
        return self.cab(gated) * gated + x


def _units(channels: int, *dilations: int) -> nn.Sequential:
    return nn.Sequential(*(SplitShuffle(channels, dilation) for dilation in dilations))


class AGLNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layer1 = PoolingDownsample(3, 32)
        self.layer2_4 = _units(32, 1, 1, 1)
        self.layer5 = PoolingDownsample(32, 64)
        self.layer6_7 = _units(64, 1, 1)
        self.layer8 = PoolingDownsample(64, 128)
        self.layer9_16 = _units(128, 1, 2, 5, 9, 2, 5, 9, 17)
        self.layer17 = PyramidAttention(128)
        self.layer18 = AttentionUpsampling(128, 64)
        self.layer19 = AttentionUpsampling(64, 32)
        self.layer20 = nn.Conv2d(32, classes, 1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=8, rounding=2)
        half = self.layer2_4(self.layer1(image))
        quarter = self.layer6_7(self.layer5(half))
        x = self.layer17(self.layer9_16(self.layer8(quarter)))
        x = self.layer19(self.layer18(x, quarter), half)
        return resize(self.layer20(x), image)


def aglnet(classes: int = 19) -> nn.Module:
    """AGLNet."""
    return AGLNet(classes)
