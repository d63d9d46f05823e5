"""DABNet: Depth-wise Asymmetric Bottleneck for Real-time Semantic Segmentation, BMVC 2019, https://arxiv.org/abs/1907.11357.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Unlike the paper's
its modules normalise and activate after each convolution, and its max pool overlaps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import PReLU, conv_bn, depthwise_bn
from edgeseg.models.blocks.downsample import PoolingDownsample
from edgeseg.models.blocks.resize import resize

__all__ = ["CARD", "DABNet", "dabnet"]

CARD = Card(
    name="dabnet",
    title="DABNet: Depth-wise Asymmetric Bottleneck for Real-time Semantic Segmentation",
    paper="https://arxiv.org/abs/1907.11357",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=0.75,
        miou_percent=70.78,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/dabnet.pth",
    ),
    sizes="any size",
)


def _asymmetric(channels: int, dilation: int) -> nn.Sequential:
    return nn.Sequential(
        depthwise_bn(channels, kernel=(3, 1), dilation=dilation, act=PReLU),
        depthwise_bn(channels, kernel=(1, 3), dilation=dilation, act=PReLU),
    )


class DABModule(nn.Module):
    """(N, C, H, W) -> the same: two depthwise asymmetric branches on half the channels, one of them dilated."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        hidden = channels // 2
        self.init_conv = conv_bn(channels, hidden, act=PReLU)
        self.left_branch = _asymmetric(hidden, 1)
        self.right_branch = _asymmetric(hidden, dilation)
        self.last_conv = conv_bn(hidden, channels, 1, act=PReLU)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.init_conv(x)
        return self.last_conv(self.left_branch(hidden) + self.right_branch(hidden)) + x


def _modules(channels: int, dilation: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(DABModule(channels, dilation) for _ in range(count)))


class DABNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W); the shrunken image joins the features at strides 2, 4 and 8."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(3, 2, 1)
        self.layer1 = conv_bn(3, 32, stride=2, act=PReLU)
        self.layer2 = conv_bn(32, 32, act=PReLU)
        self.layer3 = conv_bn(32, 32, act=PReLU)
        self.layer4 = PoolingDownsample(32 + 3, 64, PReLU)
        self.layer5_7 = _modules(64, 2, 3)
        self.layer8 = conv_bn(64 + 64 + 3, 128, stride=2, act=PReLU)
        self.layer9_10 = _modules(128, 4, 2)
        self.layer11_12 = _modules(128, 8, 2)
        self.layer13_14 = _modules(128, 16, 2)
        self.layer15 = nn.Conv2d(128 + 128 + 3, classes, 1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        half = self.pool(image)
        quarter = self.pool(half)
        x = self.layer3(self.layer2(self.layer1(image)))
        x = self.layer4(torch.cat([x, half], 1))
        x = self.layer8(torch.cat([self.layer5_7(x), x, quarter], 1))
        deep = self.layer13_14(self.layer11_12(self.layer9_10(x)))
        logits = self.layer15(torch.cat([deep, x, self.pool(quarter)], 1))
        return resize(logits, image)


def dabnet(classes: int = 19) -> nn.Module:
    """DABNet."""
    return DABNet(classes)
