"""BiSeNet V2: Bilateral Network with Guided Aggregation, IJCV 2021, https://arxiv.org/abs/2004.02147.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn, depthwise_bn, pointwise_bn
from edgeseg.models.blocks.head import segmentation_head
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "TRAINING_ONLY", "BiSeNetV2", "bisenetv2"]

CARD = Card(
    name="bisenetv2",
    title="BiSeNet V2: Bilateral Network with Guided Aggregation",
    paper="https://arxiv.org/abs/2004.02147",
    year=2021,
    framework="torch",
    published=Published(
        params_millions=2.27,
        miou_percent=73.73,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/bisenetv2-aux.pth",
    ),
    sizes="sides that are a multiple of 32, or up to 7 less",
)

TRAINING_ONLY = ("semantic_branch.seg_head",)


class Stem(nn.Module):
    """(N, 3, H, W) -> (N, 16, H / 4, W / 4): a strided convolution beside a max pool."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_init = conv_bn(inputs, outputs, stride=2)
        self.left_branch = nn.Sequential(conv_bn(outputs, outputs // 2, 1), conv_bn(outputs // 2, outputs, stride=2))
        self.right_branch = nn.MaxPool2d(3, 2, 1)
        self.conv_last = conv_bn(2 * outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_init(x)
        return self.conv_last(torch.cat([self.left_branch(x), self.right_branch(x)], 1))


class GatherExpansion(nn.Module):
    """Inverted bottleneck that expands in a depthwise convolution; halving it has two, and a convolved skip."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int = 6) -> None:
        super().__init__()
        hidden = inputs * expansion
        if stride > 1:
            self.right_branch: nn.Module = nn.Sequential(
                depthwise_bn(inputs, stride=stride, act=None), pointwise_bn(inputs, outputs, act=None)
            )
        else:
            self.right_branch = nn.Identity()
        self.left_branch = nn.Sequential(
            conv_bn(inputs, inputs),
            depthwise_bn(inputs, hidden, stride=stride, act=None),
            *([depthwise_bn(hidden, act=None)] if stride > 1 else []),
            pointwise_bn(hidden, outputs, act=None),
        )
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.right_branch(x) + self.left_branch(x))


class ContextEmbedding(nn.Module):
    """Adds the whole map's mean, convolved, to every pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.Sequential(AdaptiveAvgPool(1), nn.BatchNorm2d(channels))
        self.conv_mid = conv_bn(channels, channels, 1)
        self.conv_last = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_last(self.conv_mid(self.pool(x)) + x)


def _stage(*channels: int) -> nn.Sequential:
    strides = (2, *[1] * (len(channels) - 2))
    return nn.Sequential(*map(GatherExpansion, channels, channels[1:], strides))


class SemanticBranch(nn.Module):
    """(N, 3, H, W) -> (N, 128, H / 32, W / 32), and the logits of the auxiliary heads at strides 4, 8, 16 and 32."""

    def __init__(self, classes: int, aux: bool) -> None:
        super().__init__()
        self.stage1to2 = Stem(3, 16)
        self.stage3 = _stage(16, 32, 32)
        self.stage4 = _stage(32, 64, 64)
        self.stage5_1to4 = _stage(64, 128, 128, 128, 128)
        self.stage5_5 = ContextEmbedding(128)
        self.aux = aux
        if aux:
            self.seg_head2, self.seg_head3 = segmentation_head(16, classes), segmentation_head(32, classes)
            self.seg_head4, self.seg_head5 = segmentation_head(64, classes), segmentation_head(128, classes)

    def forward(self, image: Tensor, aux: bool) -> tuple[Tensor, list[Tensor]]:
        features = []
        x = image
        for stage in (self.stage1to2, self.stage3, self.stage4, self.stage5_1to4):
            features.append(x := stage(x))
        heads = [self.seg_head2, self.seg_head3, self.seg_head4, self.seg_head5] if aux else []
        return self.stage5_5(x), [head(feature) for head, feature in zip(heads, features, strict=False)]


class GuidedAggregation(nn.Module):
    """Each branch gates the other; both meet at the detail branch's size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.detail_high = nn.Sequential(depthwise_bn(channels), nn.Conv2d(channels, channels, 1, bias=False))
        self.detail_low = nn.Sequential(depthwise_bn(channels, stride=2), nn.AvgPool2d(3, 2, 1))
        self.semantic_high = nn.Sequential(
            conv_bn(channels, channels), nn.UpsamplingBilinear2d(scale_factor=4), nn.Sigmoid()
        )
        self.semantic_low = nn.Sequential(
            depthwise_bn(channels), nn.Conv2d(channels, channels, 1, bias=False), nn.Sigmoid()
        )
        self.conv_last = conv_bn(channels, channels)

    def forward(self, detail: Tensor, semantic: Tensor) -> Tensor:
        high = self.detail_high(detail) * self.semantic_high(semantic)
        low = self.detail_low(detail) * self.semantic_low(semantic)
        return self.conv_last(high + resize(low, high))


class BiSeNetV2(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W); in training with `aux`, a tuple with the auxiliary logits behind."""

    def __init__(self, classes: int, aux: bool) -> None:
        super().__init__()
        plan = (
            (3, 64, 2),
            (64, 64, 1),
            (64, 64, 2),
            (64, 64, 1),
            (64, 128, 1),
            (128, 128, 2),
            (128, 128, 1),
            (128, 128, 1),
        )
        self.detail_branch = nn.Sequential(*(conv_bn(i, o, stride=stride) for i, o, stride in plan))
        self.semantic_branch = SemanticBranch(classes, aux)
        self.bga_layer = GuidedAggregation(128)
        self.seg_head = segmentation_head(128, classes)
        self.aux = aux

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        check_size(image, CARD, multiple=32, rounding=8)
        semantic, auxiliary = self.semantic_branch(image, aux=self.aux and self.training)
        fused = self.bga_layer(self.detail_branch(image), semantic)
        logits = resize(self.seg_head(fused), image)
        return (logits, *auxiliary) if auxiliary else logits


def bisenetv2(classes: int = 19, *, aux: bool = False) -> nn.Module:
    """BiSeNet V2; with `aux` it has the four auxiliary heads, which only a network in training mode runs."""
    return BiSeNetV2(classes, aux)
