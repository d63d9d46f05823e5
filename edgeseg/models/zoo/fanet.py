"""Real-time Semantic Segmentation with Fast Attention, RA-L 2021, https://arxiv.org/abs/2007.03815.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.backbones.resnet import CHANNELS, ResNet
from edgeseg.models.blocks.conv import conv_bn, deconv_bn
from edgeseg.models.blocks.head import segmentation_head
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "FANet", "fanet"]

CARD = Card(
    name="fanet",
    title="Real-time Semantic Segmentation with Fast Attention",
    paper="https://arxiv.org/abs/2007.03815",
    year=2021,
    framework="torch",
    published=Published(
        params_millions=12.26,
        miou_percent=74.92,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.2/fanet.pth",
    ),
    sizes="sides that are a multiple of 64, or up to 7 less",
    deviation="8.02 G MAdds at 512x1024 where the published graph does 12.58 G: its attention multiplies by way of a "
    "matrix of pixels x pixels, ours of channels x channels, which is equal",
)


class FastAttention(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W): attention by cosine similarity, at a cost linear in the pixels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_q, self.conv_k, self.conv_v = (conv_bn(inputs, outputs, act=None) for _ in range(3))
        self.conv_fuse = conv_bn(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        value = self.conv_v(x)
        query, key = _unit(_pixels(self.conv_q(x))), _unit(_pixels(self.conv_k(x)))
        n, channels, height, width = value.shape
        weighed = _pixels(value) @ (key.transpose(1, 2) @ query / (height * width))
        return self.conv_fuse(weighed.view(n, height, width, channels).permute(0, 3, 1, 2)) + value


def _pixels(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H * W, C)."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def _unit(x: Tensor) -> Tensor:
    """(N, pixels, C) -> the same, every pixel's vector of length 1."""
    return x * (x * x).sum(2, keepdim=True).clamp_min(1e-24).rsqrt()


class FuseUp(nn.Module):
    """(N, C, H, W) -> the same, joined where it is not the `deepest` by a map of half the sides."""

    def __init__(self, channels: int, *, deepest: bool) -> None:
        super().__init__()
        if not deepest:
            self.up = deconv_bn(channels, channels)
        self.conv = conv_bn(channels, channels)

    def forward(self, x: Tensor, deeper: Tensor | None) -> Tensor:
        return self.conv(x if deeper is None else x + self.up(deeper))


class FANet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W). The backbone's stages are at strides 8, 16, 32 and 64."""

    def __init__(self, classes: int, channels: int = 32) -> None:
        super().__init__()
        self.backbone = ResNet(strides=(2, 2, 2, 2))
        self.fast_attention = nn.ModuleList(FastAttention(inputs, channels) for inputs in CHANNELS)
        self.fuse_up = nn.ModuleList(FuseUp(channels, deepest=i == 3) for i in range(4))
        self.seg_head = segmentation_head(4 * channels, classes)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=64, rounding=8)
        maps: list[Tensor] = []
        deeper = None
        levels = zip(self.backbone(image), self.fast_attention, self.fuse_up, strict=True)
        for x, attention, fuse in reversed(list(levels)):
            deeper = fuse(attention(x), deeper)
            maps.insert(0, deeper)
        finest, *others = maps
        joined = torch.cat([finest, *(resize(x, finest) for x in others)], 1)
        return resize(self.seg_head(joined), image)


def fanet(classes: int = 19) -> nn.Module:
    """FANet on ResNet-18."""
    return FANet(classes)
