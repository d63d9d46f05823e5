"""EDANet: Efficient Dense Modules of Asymmetric Convolution, ACM MM Asia 2019, https://arxiv.org/abs/1809.06323.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "EDANet", "edanet"]

CARD = Card(
    name="edanet",
    title="Efficient Dense Modules of Asymmetric Convolution for Real-Time Semantic Segmentation",
    paper="https://arxiv.org/abs/1809.06323",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=0.69,
        miou_percent=70.76,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/edanet.pth",
    ),
    sizes="sides that are a multiple of 4",
)

GROWTH = 40


class Downsampling(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2): a strided convolution beside a max pool, then normalised."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs - inputs, 3, 2, 1, bias=False)
        self.pool = nn.MaxPool2d(2)
        self.bn_act = nn.Sequential(nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.bn_act(torch.cat([self.conv(x), self.pool(x)], 1))


def _asymmetric(dilation: int) -> tuple[nn.Module, nn.Module]:
    column = nn.Conv2d(GROWTH, GROWTH, (3, 1), padding=(dilation, 0), dilation=(dilation, 1), bias=False)
    return column, conv_bn(GROWTH, GROWTH, (1, 3), dilation=dilation)


class DenseModule(nn.Module):
    """(N, inputs, H, W) -> (N, inputs + 40, H, W): two pairs of asymmetric convolutions, the second dilated."""

    def __init__(self, inputs: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(conv_bn(inputs, GROWTH, 1), *_asymmetric(1), *_asymmetric(dilation))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv(x), x], 1)


def _dense_block(inputs: int, dilations: tuple[int, ...]) -> nn.Sequential:
    layers = [DenseModule(inputs + GROWTH * i, dilation) for i, dilation in enumerate(dilations)]
    return nn.Sequential(OrderedDict(layers=nn.Sequential(*layers)))


class EDANet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stage1 = Downsampling(3, 15)
        self.stage2_d = Downsampling(15, 60)
        self.stage2 = _dense_block(60, (1, 1, 1, 2, 2))
        self.stage3_d = conv_bn(260, 130, stride=2)
        self.stage3 = _dense_block(130, (2, 2, 4, 4, 8, 8, 16, 16))
        self.project = nn.Conv2d(450, classes, 1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=4)
        x = self.stage2(self.stage2_d(self.stage1(image)))
        return resize(self.project(self.stage3(self.stage3_d(x))), image)


def edanet(classes: int = 19) -> nn.Module:
    """EDANet."""
    return EDANet(classes)
