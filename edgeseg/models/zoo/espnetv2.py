"""ESPNetv2: A Light-weight, Power Efficient, and General Purpose CNN, CVPR 2019, https://arxiv.org/abs/1811.11431.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads.
"""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import PReLU, conv_bn, depthwise_bn, pointwise_bn
from edgeseg.models.blocks.pooling import PyramidPooling
from edgeseg.models.blocks.resize import resize

__all__ = ["CARD", "ESPNetv2", "espnetv2"]

CARD = Card(
    name="espnetv2",
    title="ESPNetv2: A Light-weight, Power Efficient, and General Purpose Convolutional Neural Network",
    paper="https://arxiv.org/abs/1811.11431",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=0.86,
        miou_percent=70.35,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/espnetv2.pth",
    ),
    sizes="any size",
    deviation=(
        "The deepest map is convolved (1x1) and normalised before it is enlarged, not after, which is equal: "
        "4.614 G MAdds at 512x1024 where the published graph has 4.815 G."
    ),
)

BRANCHES = 4


class EESP(nn.Module):
    """Extremely efficient spatial pyramid of depthwise convolutions with dilations 1, 2, 4 and 8; residual.

    With stride 2: (N, channels, H, W) -> (N, 2 * channels, H / 2, W / 2), beside an average pool in place of the
    residual, and reinforced by the image reduced to the new size.
    """

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        hidden = channels // BRANCHES
        self.conv_init = nn.Conv2d(channels, hidden, 1, groups=BRANCHES, bias=False)
        self.layers = nn.ModuleList(
            nn.Sequential(
                depthwise_bn(hidden, stride=stride, dilation=2**i, act=PReLU), pointwise_bn(hidden, hidden, act=PReLU)
            )
            for i in range(BRANCHES)
        )
        self.conv_last = nn.Conv2d(channels, channels, 1, groups=BRANCHES, bias=False)
        if stride > 1:
            self.pool = nn.AvgPool2d(3, 2, 1)
            self.conv_stride = nn.Sequential(conv_bn(3, 3), nn.Conv2d(3, 2 * channels, 1, bias=False))

    def forward(self, x: Tensor, image: Tensor | None = None) -> Tensor:
        reduced = self.conv_init(x)
        pyramid = torch.cat(list(accumulate(layer(reduced) for layer in self.layers)), 1)
        y = self.conv_last(pyramid)
        return x + y if image is None else torch.cat([y, self.pool(x)], 1) + self.conv_stride(image)


class ESPNetv2(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(3, 2, 1)
        self.l1_block = conv_bn(3, 32, stride=2, act=PReLU)
        self.l2_block = EESP(32, stride=2)
        self.l3_block1 = EESP(64, stride=2)
        self.l3_block2 = nn.Sequential(*(EESP(128) for _ in range(3)))
        self.l4_block1 = EESP(128, stride=2)
        self.l4_block2 = nn.Sequential(*(EESP(256) for _ in range(7)))
        self.convl4_l3 = conv_bn(256, 128, 1, act=None)
        self.ppm = PyramidPooling(256, 256, act=PReLU)
        self.decoder = nn.Sequential(conv_bn(256, 128, act=PReLU), nn.Conv2d(128, classes, 1, bias=False))

    def forward(self, image: Tensor) -> Tensor:
        half = self.pool(image)
        quarter = self.pool(half)
        eighth = self.pool(quarter)
        x = self.l2_block(self.l1_block(image), quarter)
        level3 = self.l3_block2(self.l3_block1(x, eighth))
        level4 = self.l4_block2(self.l4_block1(level3, self.pool(eighth)))
        enlarged = F.relu(resize(self.convl4_l3(level4), level3))
        logits = self.decoder(self.ppm(torch.cat([enlarged, level3], 1)))
        return resize(logits, image)


def espnetv2(classes: int = 19) -> nn.Module:
    """ESPNetv2."""
    return ESPNetv2(classes)
