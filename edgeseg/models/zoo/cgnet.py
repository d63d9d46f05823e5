"""CGNet: A Light-weight Context Guided Network for Semantic Segmentation, TIP 2021, https://arxiv.org/abs/1811.08201.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. The paper's network
is M3N21; the published checkpoint is of N = 15.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import PReLU, conv_bn
from edgeseg.models.blocks.resize import check_size, resize, shrink

__all__ = ["CARD", "CARD_M3N21", "CGNet", "cgnet", "cgnet_m3n21"]

CARD = Card(
    name="cgnet",
    title="CGNet: A Light-weight Context Guided Network for Semantic Segmentation",
    paper="https://arxiv.org/abs/1811.08201",
    year=2021,
    framework="torch",
    published=Published(
        params_millions=0.24,
        miou_percent=67.25,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/cgnet.pth",
    ),
    sizes="sides that are a multiple of 8",
)

CARD_M3N21 = Card(
    name="cgnet_m3n21",
    title="CGNet with M = 3 and N = 21 blocks",
    paper="https://arxiv.org/abs/1811.08201",
    year=2021,
    framework="torch",
    sizes="sides that are a multiple of 8",
)


class Start(nn.Module):
    """(N, 3, H, W) -> (N, 64, H / 2, W / 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0 = conv_bn(3, 32, stride=2, act=PReLU)
        self.conv1 = conv_bn(32, 32, act=PReLU)
        self.conv2 = conv_bn(32, 32, act=PReLU)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv0(x)
        return torch.cat([self.conv2(self.conv1(x)), x], 1)


class ContextGuided(nn.Module):
    """Joins local features with those of a dilated surrounding, and gates the channels by the global context."""

    def __init__(self, inputs: int, outputs: int, dilation: int, stride: int = 1) -> None:
        super().__init__()
        half = outputs // 2
        self.residual = stride == 1 and inputs == outputs
        self.conv = nn.Conv2d(inputs, half, 1, bias=False)
        self.loc = nn.Conv2d(half, half, 3, stride, 1, groups=half, bias=False)
        self.sur = nn.Conv2d(half, half, 3, stride, dilation, dilation, half, bias=False)
        self.joi = nn.Sequential(nn.BatchNorm2d(outputs), PReLU())
        self.glo = nn.Sequential(nn.Linear(outputs, outputs // 8), nn.Linear(outputs // 8, outputs))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv(x)
        joint = self.joi(torch.cat([self.loc(hidden), self.sur(hidden)], 1))
        gate = torch.sigmoid(self.glo(joint.mean((2, 3))))
        out = joint * gate[:, :, None, None]
        return x + out if self.residual else out


def _stage(inputs: int, outputs: int, dilation: int, count: int) -> nn.Sequential:
    channels = (inputs, *[outputs] * (count - 1))
    return nn.Sequential(*(ContextGuided(before, outputs, dilation) for before in channels))


class CGNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W); the shrunken image joins the features at strides 4 and 8."""

    def __init__(self, classes: int, card: Card, m: int, n: int) -> None:
        super().__init__()
        self.card = card
        self.stage1 = Start()
        self.stage2_down = ContextGuided(64, 64, dilation=2, stride=2)
        self.stage2 = _stage(64 + 3, 64, dilation=2, count=m - 1)
        self.stage3_down = ContextGuided(2 * 64, 128, dilation=4, stride=2)
        self.stage3 = _stage(128 + 3, 128, dilation=4, count=n - 1)
        self.seg_head = nn.Conv2d(2 * 128, classes, 1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, self.card, multiple=8)
        x = self.stage2_down(self.stage1(image))
        x = torch.cat([self.stage2(torch.cat([x, shrink(image, 4)], 1)), x], 1)
        x = self.stage3_down(x)
        x = torch.cat([self.stage3(torch.cat([x, shrink(image, 8)], 1)), x], 1)
        return resize(self.seg_head(x), image)


def cgnet(classes: int = 19) -> nn.Module:
    """CGNet with M = 3, N = 15."""
    return CGNet(classes, CARD, m=3, n=15)


def cgnet_m3n21(classes: int = 19) -> nn.Module:
    """CGNet with M = 3, N = 21."""
    return CGNet(classes, CARD_M3N21, m=3, n=21)
