"""FSSNet: Fast Semantic Segmentation for Scene Perception, IEEE T-II 2019, https://ieeexplore.ieee.org/document/8392426.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its logits are
normalised and activated; beyond an image of odd sides they are cut off.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import PReLU, conv_bn, deconv_bn
from edgeseg.models.blocks.downsample import PoolingDownsample
from edgeseg.models.blocks.resize import check_size, crop, resize

__all__ = ["CARD", "FSSNet", "fssnet"]

CARD = Card(
    name="fssnet",
    title="Fast Semantic Segmentation for Scene Perception",
    paper="https://ieeexplore.ieee.org/document/8392426",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=0.2,
        miou_percent=65.44,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/fssnet.pth",
    ),
    sizes="sides that are a multiple of 8, or 1 less",
)


class Bottleneck(nn.Module):
    """(N, C, H, W) -> the same: residual; 1x1 to a quarter of the channels, a 3x3 (or 1x3 and 3x1), 1x1 back."""

    def __init__(self, channels: int, *, dilation: int = 1, factorized: bool = False) -> None:
        super().__init__()
        hidden = channels // 4
        if factorized:
            middle = [conv_bn(hidden, hidden, (1, 3), act=None), conv_bn(hidden, hidden, (3, 1), act=PReLU)]
        else:
            middle = [conv_bn(hidden, hidden, dilation=dilation, act=PReLU)]
        self.conv = nn.Sequential(
            conv_bn(channels, hidden, 1, act=PReLU), *middle, conv_bn(hidden, channels, 1, act=None)
        )
        self.act = PReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x) + x)


class Downsampling(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2), for even sides."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        hidden = outputs // 4
        self.conv = nn.Sequential(
            conv_bn(inputs, hidden, 2, stride=2, act=PReLU),
            conv_bn(hidden, hidden, act=PReLU),
            conv_bn(hidden, outputs, 1, act=None),
        )
        self.pool = nn.Sequential(nn.MaxPool2d(3, 2, 1), conv_bn(inputs, outputs, 1, act=None))
        self.act = PReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x) + self.pool(x))


class Upsampling(nn.Module):
    """(N, inputs, H, W) and the encoder's features of that shape -> (N, outputs, 2 * H, 2 * W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        hidden = inputs // 4
        self.deconv = nn.Sequential(
            conv_bn(inputs, hidden, 1, act=PReLU),
            deconv_bn(hidden, hidden, act=PReLU),
            conv_bn(hidden, outputs, 1, act=None),
        )
        self.conv = conv_bn(inputs, outputs, 1, act=None)
        self.act = PReLU()

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        learned = self.deconv(x)
        return self.act(resize(self.conv(x + skip), learned) + learned)


class FSSNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.init_block = PoolingDownsample(3, 16, PReLU)
        self.down1 = Downsampling(16, 64)
        self.factorized = nn.Sequential(*(Bottleneck(64, factorized=True) for _ in range(4)))
        self.down2 = Downsampling(64, 128)
        self.dilated = nn.Sequential(*(Bottleneck(128, dilation=dilation) for dilation in (2, 5, 9, 2, 5, 9)))
        self.up2 = Upsampling(128, 64)
        self.bottleneck2 = nn.Sequential(Bottleneck(64), Bottleneck(64))
        self.up1 = Upsampling(64, 16)
        self.bottleneck1 = nn.Sequential(Bottleneck(16), Bottleneck(16))
        self.full_conv = deconv_bn(16, classes, act=PReLU)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=8, rounding=2)
        quarter = self.down1(self.init_block(image))
        eighth = self.down2(self.factorized(quarter))
        x = self.bottleneck2(self.up2(self.dilated(eighth), eighth))
        x = self.bottleneck1(self.up1(x, quarter))
        return crop(self.full_conv(x), image)


def fssnet(classes: int = 19) -> nn.Module:
    """FSSNet."""
    return FSSNet(classes)
