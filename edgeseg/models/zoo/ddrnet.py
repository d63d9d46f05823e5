"""DDRNet: Deep Dual-resolution Networks for Real-time and Accurate Semantic Segmentation of Road Scenes, 2021.

https://arxiv.org/abs/2101.06085. The 23-slim network, after the re-implementation of
zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.head import segmentation_head
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import resize

__all__ = ["CARD", "TRAINING_ONLY", "DDRNet", "ddrnet"]

CARD = Card(
    name="ddrnet",
    title="Deep Dual-resolution Networks for Real-time and Accurate Semantic Segmentation of Road Scenes",
    paper="https://arxiv.org/abs/2101.06085",
    year=2021,
    framework="torch",
    published=Published(
        params_millions=5.54,
        miou_percent=74.34,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/ddrnet-23-slim.pth",
    ),
    sizes="any size",
)

TRAINING_ONLY = ("aux_head",)


class BasicBlock(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride): two 3x3 convolutions beside a skip."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv_bn(inputs, outputs, stride=stride)
        self.conv2 = conv_bn(outputs, outputs, act=None)
        self.conv_down = nn.Identity() if stride == 1 else conv_bn(inputs, outputs, 1, stride, act=None)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv2(self.conv1(x)) + self.conv_down(x))


class Bottleneck(nn.Module):
    """(N, C, H, W) -> (N, 2 * C, H / stride, W / stride): 1x1, 3x3 and 1x1 convolutions beside a convolved skip."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv_bn(channels, channels, 1)
        self.conv2 = conv_bn(channels, channels, stride=stride)
        self.conv3 = conv_bn(channels, 2 * channels, 1, act=None)
        self.conv_down = conv_bn(channels, 2 * channels, 1, stride, act=None)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv3(self.conv2(self.conv1(x))) + self.conv_down(x))


class BilateralFusion(nn.Module):
    """Adds each branch to the other: the deep one upsampled, the fine one convolved with `stride`."""

    def __init__(self, low: int, high: int, stride: int) -> None:
        super().__init__()
        self.conv_low = conv_bn(low, high, 1, act=None)
        self.conv_high = conv_bn(high, low, stride=stride, act=None)
        self.act = nn.ReLU()

    def forward(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        return self.act(low + self.conv_high(high)), self.act(high + resize(self.conv_low(low), high))


class DeepAggregationPyramidPooling(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W): means over ever larger windows, each convolved onto the one before."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv0 = conv_bn(inputs, outputs, 1)
        self.conv1 = conv_bn(inputs, outputs, 1)
        pools = (nn.AvgPool2d(5, 2, 2), nn.AvgPool2d(9, 4, 4), nn.AvgPool2d(17, 8, 8), AdaptiveAvgPool(1))
        for scale, pool in enumerate(pools, 2):
            self.add_module(f"pool{scale}", nn.Sequential(pool, nn.Conv2d(inputs, outputs, 1, bias=False)))
            self.add_module(f"conv{scale}", conv_bn(outputs, outputs))
        self.conv_last = conv_bn(5 * outputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        scales = [self.conv1(x)]
        for scale in range(2, 6):
            pool, conv = self.get_submodule(f"pool{scale}"), self.get_submodule(f"conv{scale}")
            scales.append(conv(scales[-1] + resize(pool(x), x)))
        return self.conv_last(torch.cat(scales, 1)) + self.conv0(x)


def _stage(*parts: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(conv=nn.Sequential(*parts)))


def _blocks(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs))


class Stage4(nn.Module):
    """(N, 64, H, W) -> the branches' maps (N, 128, H / 2, W / 2) and (N, 64, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.low_conv1, self.high_conv1 = _blocks(64, 128, 2), _blocks(64, 64, 1)
        self.bilateral_fusion1 = BilateralFusion(128, 64, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        low, high = self.bilateral_fusion1(self.low_conv1(x), self.high_conv1(x))
        return low, high


class Stage5(nn.Module):
    """(N, 128, H / 2, W / 2) and (N, 64, H, W) -> (N, 128, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.low_conv1, self.high_conv1 = _blocks(128, 256, 2), _blocks(64, 64, 1)
        self.bilateral_fusion = BilateralFusion(256, 64, stride=4)
        self.low_conv2, self.high_conv2 = nn.Sequential(Bottleneck(256, 2)), nn.Sequential(Bottleneck(64, 1))
        self.dappm = DeepAggregationPyramidPooling(512, 128)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        low, high = self.bilateral_fusion(self.low_conv1(low), self.high_conv1(high))
        low, high = self.dappm(self.low_conv2(low)), self.high_conv2(high)
        return high + resize(low, high)


class DDRNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W); in training with `aux`, also the auxiliary logits at stride 8."""

    def __init__(self, classes: int, aux: bool) -> None:
        super().__init__()
        self.conv1 = conv_bn(3, 32, stride=2)
        self.conv2 = _stage(conv_bn(32, 32, stride=2), BasicBlock(32, 32), BasicBlock(32, 32))
        self.conv3 = _stage(BasicBlock(32, 64, 2), BasicBlock(64, 64))
        self.conv4, self.conv5 = Stage4(), Stage5()
        self.seg_head = segmentation_head(128, classes)
        if aux:
            self.aux_head = segmentation_head(64, classes)
        self.aux = aux

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        low, high = self.conv4(self.conv3(self.conv2(self.conv1(image))))
        logits = resize(self.seg_head(self.conv5(low, high)), image)
        return (logits, self.aux_head(high)) if self.aux and self.training else logits


def ddrnet(classes: int = 19, *, aux: bool = False) -> nn.Module:
    """DDRNet-23-slim; with `aux` it has an auxiliary head, which only a network in training mode runs."""
    return DDRNet(classes, aux)
