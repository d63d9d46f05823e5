"""Lite-HRNet: A Lightweight High-Resolution Network, CVPR 2021, https://arxiv.org/abs/2104.06403.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads: Lite-HRNet-18.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn, depthwise_bn, separable
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import check_size, resize
from edgeseg.models.blocks.shuffle import channel_shuffle

__all__ = ["CARD", "LiteHRNet", "litehrnet"]

CARD = Card(
    name="litehrnet",
    title="Lite-HRNet: A Lightweight High-Resolution Network",
    paper="https://arxiv.org/abs/2104.06403",
    year=2021,
    framework="torch",
    published=Published(
        params_millions=1.09,
        miou_percent=70.66,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.2/lite_hrnet.pth",
    ),
    sizes="sides that are a multiple of 32, or up to 3 less",
)

_CHANNELS = (40, 80, 160, 320)
"""Of the streams at strides 4, 8, 16 and 32."""

_REPEATS = 2
_REDUCTION = 8


class ShuffleDownsample(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2): each half of the channels goes its own way."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        given, half = inputs // 2, outputs // 2
        self.left_branch = conv_bn(given, half, 1, stride=2)
        self.right_branch = nn.Sequential(conv_bn(given, half, 1), depthwise_bn(half, stride=2), conv_bn(half, half, 1))

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, 1)
        return channel_shuffle(torch.cat([self.left_branch(left), self.right_branch(right)], 1), 2)


def _gate(channels: int) -> nn.Sequential:
    hidden = channels // _REDUCTION
    return nn.Sequential(conv_bn(channels, hidden, 1), conv_bn(hidden, channels, 1, act=nn.Sigmoid))


class CrossResolutionWeights(nn.Module):
    """Second halves of all streams' channels -> a weight for each of their numbers, found at the coarsest size."""

    def __init__(self, halves: list[int]) -> None:
        super().__init__()
        self.halves = halves
        self.conv = _gate(sum(halves))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        *finer, coarsest = (x.chunk(2, 1)[1] for x in maps)
        pooled = [F.avg_pool2d(x, 2 ** (len(finer) - i)) for i, x in enumerate(finer)]
        weights = self.conv(torch.cat([*pooled, coarsest], 1)).split(self.halves, 1)
        return [F.interpolate(w, x.shape[2:]) for w, x in zip(weights[:-1], finer, strict=True)] + [weights[-1]]


class SpatialWeights(nn.Module):
    """Gates the channels by their means over the whole map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.avg_pool = AdaptiveAvgPool(1)
        self.fc = _gate(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.fc(self.avg_pool(x))


class ConditionalChannelWeighting(nn.Module):
    """A shuffle unit whose 1x1 convolutions are replaced by weights that depend on the image."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.right_branch = depthwise_bn(channels // 2)
        self.sw = SpatialWeights(channels // 2)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        left, right = x.chunk(2, 1)
        return channel_shuffle(torch.cat([left, self.sw(self.right_branch(right * weights))], 1), 2)


class Reduction(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / 2**halvings, W / 2**halvings)."""

    def __init__(self, inputs: int, outputs: int, halvings: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            *(separable(inputs, inputs, 2) for _ in range(halvings - 1)), separable(inputs, outputs, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def _path(source: int, target: int) -> nn.Module:
    """From one stream's size and channels to another's."""
    inputs, outputs = _CHANNELS[source], _CHANNELS[target]
    if source < target:
        return Reduction(inputs, outputs, target - source)
    if source == target:
        return nn.Identity()
    return nn.Sequential(conv_bn(inputs, outputs, 1), nn.UpsamplingBilinear2d(scale_factor=2 ** (source - target)))


class Fusion(nn.Module):
    """Each output is the sum of all streams, brought to its size and channels."""

    def __init__(self, streams: int, outputs: int) -> None:
        super().__init__()
        for source in range(streams):
            paths = (_path(source, target) for target in range(outputs))
            self.add_module(f"stream{source + 1}", nn.ModuleList(paths))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        ways = zip(*self.children(), strict=True)
        return [reduce(torch.add, (path(x) for path, x in zip(paths, maps, strict=True))) for paths in ways]


class Stage(nn.Module):
    """Parallel streams that weight their channels and then exchange their maps, `units` times."""

    def __init__(self, streams: int, units: int, outputs: int) -> None:
        super().__init__()
        channels = _CHANNELS[:streams]
        self.stage_blocks = nn.ModuleList()
        for unit in range(units):
            weighted = (nn.ModuleList(ConditionalChannelWeighting(c) for _ in range(_REPEATS)) for c in channels)
            last = unit == units - 1
            self.stage_blocks += [
                CrossResolutionWeights([c // 2 for c in channels]),
                nn.ModuleList(weighted),
                Fusion(streams, outputs if last else streams),
            ]

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        parts = self.stage_blocks
        for cross, streams, fusion in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            weighted = []
            for blocks, x, weights in zip(streams, maps, cross(maps), strict=True):
                for block in blocks:
                    x = block(x, weights)
                weighted.append(x)
            maps = fusion(weighted)
        return maps


class Head(nn.Module):
    """All streams at the finest one's size -> logits there."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.seg_head = nn.Sequential(separable(sum(_CHANNELS), 128), nn.Conv2d(128, classes, 1, bias=False))

    def forward(self, maps: list[Tensor]) -> Tensor:
        finest, *coarser = maps
        return self.seg_head(torch.cat([finest, *(resize(x, finest) for x in coarser)], 1))


class LiteHRNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, 32, stride=2), ShuffleDownsample(32, _CHANNELS[0]))
        self.stage1_down = separable(_CHANNELS[0], _CHANNELS[1], 2)
        self.stage2 = Stage(2, 2, outputs=3)
        self.stage3 = Stage(3, 4, outputs=4)
        self.stage4 = Stage(4, 2, outputs=4)
        self.rep_head = Head(classes)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=32, rounding=4)
        x = self.stem(image)
        maps = [x, self.stage1_down(x)]
        for stage in (self.stage2, self.stage3, self.stage4):
            maps = stage(maps)
        return resize(self.rep_head(maps), image)


def litehrnet(classes: int = 19) -> nn.Module:
    """Lite-HRNet-18."""
    return LiteHRNet(classes)
