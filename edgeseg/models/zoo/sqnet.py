"""SQNet: Speeding up Semantic Segmentation for Autonomous Driving, NIPS workshop 2016.

https://openreview.net/pdf?id=S1uHiFyyg. After the re-implementation of
zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its logits are normalised and activated.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn, deconv_bn
from edgeseg.models.blocks.resize import check_size

__all__ = ["CARD", "SQNet", "sqnet"]

CARD = Card(
    name="sqnet",
    title="Speeding up Semantic Segmentation for Autonomous Driving",
    paper="https://openreview.net/pdf?id=S1uHiFyyg",
    year=2016,
    framework="torch",
    published=Published(
        params_millions=4.81,
        miou_percent=69.55,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/sqnet.pth",
    ),
    sizes="sides that are a multiple of 16",
)


class Fire(nn.Module):
    """SqueezeNet's module: squeezes to `hidden` channels, then expands by a 1x1 beside a 3x3 convolution."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.conv_squeeze = conv_bn(inputs, hidden, 1, act=nn.ELU)
        self.conv_expand1 = conv_bn(hidden, outputs // 2, 1, act=nn.ELU)
        self.conv_expand3 = conv_bn(hidden, outputs // 2, act=nn.ELU)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_squeeze(x)
        return torch.cat([self.conv_expand1(x), self.conv_expand3(x)], 1)


class ParallelDilatedConvolution(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W): the sum of convolutions with dilations 1, 2, 4 and 8."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv0, self.conv1, self.conv2, self.conv3 = (
            conv_bn(inputs, outputs, dilation=dilation, act=nn.ELU) for dilation in (1, 2, 4, 8)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv0(x) + self.conv1(x) + self.conv2(x) + self.conv3(x)


class Refinement(nn.Module):
    """Convolves the encoder's map of the same size, `low`, and mixes it in."""

    def __init__(self, inputs: int, low: int, outputs: int) -> None:
        super().__init__()
        self.conv_low = conv_bn(low, low, act=nn.ELU)
        self.conv_cat = conv_bn(low + inputs, outputs, act=nn.ELU)

    def forward(self, x: Tensor, low: Tensor) -> Tensor:
        return self.conv_cat(torch.cat([self.conv_low(low), x], 1))


class SQNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv = conv_bn(3, 64, stride=2, act=nn.ELU)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.fire1 = nn.Sequential(Fire(64, 16, 128), Fire(128, 16, 128))
        self.fire2 = nn.Sequential(Fire(128, 32, 256), Fire(256, 32, 256))
        self.fire3 = nn.Sequential(Fire(256, 48, 384), Fire(384, 48, 384), Fire(384, 64, 512), Fire(512, 64, 512))
        self.pdc = ParallelDilatedConvolution(512, 128)
        self.up1 = deconv_bn(128, 128, act=nn.ELU)
        self.refine1 = Refinement(128, 256, 128)
        self.up2 = deconv_bn(128, 128, act=nn.ELU)
        self.refine2 = Refinement(128, 128, 64)
        self.up3 = deconv_bn(64, 64, act=nn.ELU)
        self.refine3 = Refinement(64, 64, classes)
        self.up4 = deconv_bn(classes, classes, act=nn.ELU)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=16)
        half = self.conv(image)
        quarter = self.fire1(self.pool(half))
        eighth = self.fire2(self.pool(quarter))
        x = self.pdc(self.fire3(self.pool(eighth)))
        x = self.refine1(self.up1(x), eighth)
        x = self.refine2(self.up2(x), quarter)
        x = self.refine3(self.up3(x), half)
        return self.up4(x)


def sqnet(classes: int = 19) -> nn.Module:
    """SQNet."""
    return SQNet(classes)
