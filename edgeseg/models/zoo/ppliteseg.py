"""PP-LiteSeg: A Superior Real-Time Semantic Segmentation Model, 2022, https://arxiv.org/abs/2204.02681.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoints load. There the logits
are normalised and rectified.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.backbones.stdc import STDC1, STDC2, Repeats, stages
from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import resize

__all__ = ["CARD", "CARD_STDC2", "PPLiteSeg", "ppliteseg_stdc1", "ppliteseg_stdc2"]

CARD = Card(
    name="ppliteseg_stdc1",
    title="PP-LiteSeg: A Superior Real-Time Semantic Segmentation Model, STDC1",
    paper="https://arxiv.org/abs/2204.02681",
    year=2022,
    framework="torch",
    published=Published(
        params_millions=6.33,
        miou_percent=72.49,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/ppliteseg_stdc1.pth",
    ),
    sizes="any size",
)

CARD_STDC2 = Card(
    name="ppliteseg_stdc2",
    title="PP-LiteSeg: A Superior Real-Time Semantic Segmentation Model, STDC2",
    paper="https://arxiv.org/abs/2204.02681",
    year=2022,
    framework="torch",
    published=Published(
        params_millions=10.56,
        miou_percent=74.37,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/ppliteseg_stdc2.pth",
    ),
    sizes="any size",
)

Widths = tuple[int, int, int]


class Encoder(nn.Module):
    """(N, 3, H, W) -> 256, 512 and 1024 channels at strides 8, 16 and 32."""

    def __init__(self, repeats: Repeats) -> None:
        super().__init__()
        named = ((f"stage{i}", stage) for i, stage in enumerate(stages(repeats), 1))
        self.encoder = nn.Sequential(OrderedDict(named))

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for stage in self.encoder:
            maps.append(x := stage(x))
        return maps[2:]


class SimplePyramidPooling(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W): means over three grids, added up."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        hidden = inputs // 4
        self.pool1, self.pool2, self.pool3 = (
            nn.Sequential(AdaptiveAvgPool(grid), conv_bn(inputs, hidden, 1)) for grid in (1, 2, 4)
        )
        self.conv = nn.Conv2d(hidden, outputs, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(resize(self.pool1(x), x) + resize(self.pool2(x), x) + resize(self.pool3(x), x))


class SpatialAttention(nn.Module):
    """Two maps (N, C, H, W) -> the first one's share of each pixel (N, 1, H, W), from their channels' mean and peak."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 1, 1, bias=False)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        features = [f for x in (first, second) for f in (x.mean(1, keepdim=True), x.amax(1, keepdim=True))]
        return torch.sigmoid(self.conv(torch.cat(features, 1)))


class AttentionFusion(nn.Module):
    """The paper's unified attention fusion: each pixel is mixed from the deep map, upsampled, and the shallow one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.attention = SpatialAttention()

    def forward(self, deep: Tensor, shallow: Tensor) -> Tensor:
        shallow = self.conv(shallow)
        deep = resize(deep, shallow)
        return shallow + self.attention(deep, shallow) * (deep - shallow)


class FlexibleLightweightDecoder(nn.Module):
    """Widens towards the finer maps: `widths` channels at strides 32, 16 and 8."""

    def __init__(self, widths: Widths, classes: int) -> None:
        super().__init__()
        coarse, middle, fine = widths
        self.stage6 = conv_bn(coarse, coarse)
        self.fusion1 = AttentionFusion(512, coarse)
        self.stage7 = conv_bn(coarse, middle)
        self.fusion2 = AttentionFusion(256, middle)
        self.stage8 = conv_bn(middle, fine)
        self.seg_head = conv_bn(fine, classes)

    def forward(self, x8: Tensor, x16: Tensor, context: Tensor) -> Tensor:
        x = self.stage7(self.fusion1(self.stage6(context), x16))
        return self.seg_head(self.stage8(self.fusion2(x, x8)))


class PPLiteSeg(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, repeats: Repeats, widths: Widths, classes: int) -> None:
        super().__init__()
        self.encoder = Encoder(repeats)
        self.sppm = SimplePyramidPooling(1024, widths[0])
        self.decoder = FlexibleLightweightDecoder(widths, classes)

    def forward(self, image: Tensor) -> Tensor:
        x8, x16, x32 = self.encoder(image)
        return resize(self.decoder(x8, x16, self.sppm(x32)), image)


def ppliteseg_stdc1(classes: int = 19) -> nn.Module:
    """PP-LiteSeg on STDC1."""
    return PPLiteSeg(STDC1, (32, 64, 128), classes)


def ppliteseg_stdc2(classes: int = 19) -> nn.Module:
    """PP-LiteSeg on STDC2."""
    return PPLiteSeg(STDC2, (64, 96, 128), classes)
