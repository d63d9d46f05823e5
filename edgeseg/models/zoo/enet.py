"""ENet: A Deep Neural Network Architecture for Real-Time Semantic Segmentation, 2016, https://arxiv.org/abs/1606.02147.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Unlike the paper's
its bottlenecks are rectified inside and have a PReLU of one slope at their end, and its logits are normalised,
activated and resized bilinearly where the paper has a transposed convolution.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import PReLU, conv_bn
from edgeseg.models.blocks.downsample import PoolingDownsample
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "ENet", "enet"]

CARD = Card(
    name="enet",
    title="ENet: A Deep Neural Network Architecture for Real-Time Semantic Segmentation",
    paper="https://arxiv.org/abs/1606.02147",
    year=2016,
    framework="torch",
    published=Published(
        params_millions=0.37,
        miou_percent=71.31,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/enet.pth",
    ),
    sizes="sides that are a multiple of 8",
)


def _expand(inputs: int, outputs: int, dropout: float = 0.1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.Dropout(dropout))


class Bottleneck(nn.Module):
    """Residual: 1x1 to a quarter of the channels, a convolution (5x1 and 1x5 where asymmetric), 1x1 back."""

    def __init__(self, channels: int, *, dilation: int = 1, asymmetric: bool = False, dropout: float = 0.1) -> None:
        super().__init__()
        hidden = channels // 4
        kernels = ((5, 1), (1, 5)) if asymmetric else ((3, 3),)
        self.right_init_conv = nn.Sequential(
            conv_bn(channels, hidden, 1), *(conv_bn(hidden, hidden, kernel, dilation=dilation) for kernel in kernels)
        )
        self.right_last_conv = _expand(hidden, channels, dropout)
        self.act = PReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x + self.right_last_conv(self.right_init_conv(x)))


class Downsampling(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2) and the places of the maxima, for Upsampling."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        hidden = inputs // 4
        self.left_pool = nn.MaxPool2d(2, return_indices=True)
        self.left_conv = conv_bn(inputs, outputs, 1)
        self.right_init_conv = nn.Sequential(conv_bn(inputs, hidden, stride=2), conv_bn(hidden, hidden))
        self.right_last_conv = _expand(hidden, outputs, dropout)
        self.act = PReLU()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        pooled, places = self.left_pool(x)
        return self.act(self.left_conv(pooled) + self.right_last_conv(self.right_init_conv(x))), places


class Upsampling(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, 2 * H, 2 * W): a transposed convolution beside max unpooling."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        hidden = inputs // 4
        deconv = nn.ConvTranspose2d(hidden, hidden, 3, 2, 1, output_padding=1, bias=False)
        self.left_conv = conv_bn(inputs, outputs, 1)
        self.left_pool = nn.MaxUnpool2d(2)
        self.right_init_conv = nn.Sequential(conv_bn(inputs, hidden, 1), nn.Sequential(OrderedDict(up_conv=deconv)))
        self.right_last_conv = _expand(hidden, outputs)
        self.act = PReLU()

    def forward(self, x: Tensor, places: Tensor) -> Tensor:
        left = self.left_pool(self.left_conv(x), places)
        return self.act(left + self.right_last_conv(self.right_init_conv(x)))


class Encoder(nn.Module):
    """Halves the sides; returns the places of the maxima too."""

    def __init__(self, inputs: int, outputs: int, regular: nn.Module, dropout: float) -> None:
        super().__init__()
        self.conv_pool = Downsampling(inputs, outputs, dropout)
        self.conv_regular = regular

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x, places = self.conv_pool(x)
        return self.conv_regular(x), places


class Decoder(nn.Module):
    """Doubles the sides and refines."""

    def __init__(self, inputs: int, outputs: int, *, extra: bool) -> None:
        super().__init__()
        self.conv_unpool = Upsampling(inputs, outputs)
        self.conv_regular = Bottleneck(outputs)
        self.conv_extra = Bottleneck(outputs) if extra else nn.Identity()

    def forward(self, x: Tensor, places: Tensor) -> Tensor:
        return self.conv_extra(self.conv_regular(self.conv_unpool(x, places)))


def _context() -> nn.Sequential:
    """Regular or asymmetric bottlenecks in turn, each before one dilated twice as far as the last."""
    pairs = ((Bottleneck(128, asymmetric=i % 2 == 1), Bottleneck(128, dilation=2 ** (i + 1))) for i in range(4))
    return nn.Sequential(*(bottleneck for pair in pairs for bottleneck in pair))


class ENet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.initial = PoolingDownsample(3, 16, PReLU)
        first = nn.Sequential(*(Bottleneck(64, dropout=0.01) for _ in range(4)))
        self.bottleneck1 = Encoder(16, 64, first, dropout=0.01)
        self.bottleneck2 = Encoder(64, 128, _context(), dropout=0.1)
        self.bottleneck3 = nn.Sequential(OrderedDict(conv_regular=_context()))
        self.bottleneck4 = Decoder(128, 64, extra=True)
        self.bottleneck5 = Decoder(64, 16, extra=False)
        self.fullconv = nn.Sequential(OrderedDict(up_conv=nn.Sequential(conv_bn(16, classes, 1, act=PReLU))))

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=8)
        x, fine = self.bottleneck1(self.initial(image))
        x, coarse = self.bottleneck2(x)
        x = self.bottleneck4(self.bottleneck3(x), coarse)
        x = self.bottleneck5(x, fine)
        return resize(self.fullconv(x), image, align_corners=False)


def enet(classes: int = 19) -> nn.Module:
    """ENet."""
    return ENet(classes)
