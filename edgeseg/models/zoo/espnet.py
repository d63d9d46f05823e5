"""ESPNet: Efficient Spatial Pyramid of Dilated Convolutions, ECCV 2018, https://arxiv.org/abs/1803.06815.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its logits are
normalised and rectified.
"""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import PReLU, conv_bn, deconv_bn
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "ESPNet", "espnet"]

CARD = Card(
    name="espnet",
    title="ESPNet: Efficient Spatial Pyramid of Dilated Convolutions for Semantic Segmentation",
    paper="https://arxiv.org/abs/1803.06815",
    year=2018,
    framework="torch",
    published=Published(
        params_millions=0.38,
        miou_percent=66.39,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/espnet.pth",
    ),
    sizes="sides that are a multiple of 8",
)

BRANCHES = 5


class ESP(nn.Module):
    """Efficient spatial pyramid: (N, inputs, H, W) -> (N, outputs, H / stride, W / stride).

    Reduces the channels, convolves with dilations 1, 2, 4, 8 and 16, and concatenates; each dilated branch but the
    first adds the ones before it (hierarchical feature fusion).
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, *, residual: bool = False) -> None:
        super().__init__()
        dilated = outputs // BRANCHES
        widths = (outputs - dilated * (BRANCHES - 1), *[dilated] * (BRANCHES - 1))
        self.residual = residual
        self.conv_kn = nn.Conv2d(inputs, dilated, 1, stride, bias=False)
        self.conv_k1 = nn.Conv2d(inputs, widths[0], 1, stride, bias=False)
        self.layers = nn.ModuleList(conv_bn(w, w, dilation=2**i, act=PReLU) for i, w in enumerate(widths))

    def forward(self, x: Tensor) -> Tensor:
        plain, *dilated = self.layers
        reduced = self.conv_kn(x)
        fused = accumulate(layer(reduced) for layer in dilated)
        pyramid = torch.cat([plain(self.conv_k1(x)), *fused], 1)
        return x + pyramid if self.residual else pyramid


class Level(nn.Module):
    """A strided pyramid beside what residual ones make of it: (N, inputs, H, W) -> (N, 2 * channels, H / 2, W / 2).

    With `outputs` it is projected to so many channels.
    """

    def __init__(self, inputs: int, channels: int, repeats: int, outputs: int | None = None) -> None:
        super().__init__()
        self.conv1 = ESP(inputs, channels, stride=2)
        self.layers = nn.Sequential(*(ESP(channels, channels, residual=True) for _ in range(repeats)))
        self.conv_last = nn.Identity() if outputs is None else conv_bn(2 * channels, outputs, 1, act=PReLU)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        return self.conv_last(torch.cat([self.layers(x), x], 1))


class Decoder(nn.Module):
    """(N, width, H / 8, W / 8) and the maps at strides 4 and 2 -> logits (N, classes, H, W)."""

    def __init__(self, width: int, quarter: int, half: int, classes: int) -> None:
        super().__init__()
        self.upconv_l3 = deconv_bn(width, width, act=PReLU)
        self.conv_cat_l2 = conv_bn(quarter, width, 1)
        self.conv_l2 = ESP(2 * width, width)
        self.upconv_l2 = deconv_bn(width, width, act=PReLU)
        self.conv_cat_l1 = conv_bn(half, width, 1)
        self.conv_l1 = ESP(2 * width, width)
        self.upconv_l1 = deconv_bn(width, classes)

    def forward(self, x: Tensor, quarter: Tensor, half: Tensor) -> Tensor:
        x = self.conv_l2(torch.cat([self.upconv_l3(x), self.conv_cat_l2(quarter)], 1))
        x = self.conv_l1(torch.cat([self.upconv_l2(x), self.conv_cat_l1(half)], 1))
        return self.upconv_l1(x)


def _inject(x: Tensor, image: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, C + 3, h, w): the image beside a map."""
    return torch.cat([x, resize(image, x, align_corners=False)], 1)


class ESPNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        width = max(classes, BRANCHES)
        self.l1_block = conv_bn(3, 16, stride=2, act=PReLU)
        self.l2_block = Level(16 + 3, 64, repeats=2)
        self.l3_block = Level(128 + 3, 128, repeats=8, outputs=width)
        self.decoder = Decoder(width, 128 + 3, 16 + 3, classes)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=8)
        half = _inject(self.l1_block(image), image)
        quarter = _inject(self.l2_block(half), image)
        return self.decoder(self.l3_block(quarter), quarter, half)


def espnet(classes: int = 19) -> nn.Module:
    """ESPNet, whose decoder has as many channels as there are classes, but no fewer than branches in a pyramid."""
    return ESPNet(classes)
