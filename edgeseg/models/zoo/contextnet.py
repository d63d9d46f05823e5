"""ContextNet: Exploring Context and Detail for Semantic Segmentation in Real-time, BMVC 2018, https://arxiv.org/abs/1805.04554.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its logits have
gone through normalisation and ReLU.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn, depthwise_bn, pointwise_bn, separable
from edgeseg.models.blocks.inverted import InvertedResidual
from edgeseg.models.blocks.resize import resize, shrink

__all__ = ["CARD", "RENAMED", "ContextNet", "contextnet"]

CARD = Card(
    name="contextnet",
    title="ContextNet: Exploring Context and Detail for Semantic Segmentation in Real-time",
    paper="https://arxiv.org/abs/1805.04554",
    year=2018,
    framework="torch",
    published=Published(
        params_millions=1.01,
        miou_percent=66.61,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/contextnet.pth",
    ),
    sizes="any size from 4x4",
)

_BOTTLENECKS = "lower_res_branch.bottleneck"
RENAMED = {
    f"{_BOTTLENECKS}{stage}.{i}": f"{_BOTTLENECKS}s.{first + i}"
    for stage, first, count in ((0, 0, 1), (1, 1, 1), (2, 2, 3), (3, 5, 3), (4, 8, 2), (5, 10, 2))
    for i in range(count)
}


def _detail_branch() -> nn.Sequential:
    parts = [conv_bn(3, 32, stride=2)]
    for inputs, outputs in ((32, 64), (64, 128), (128, 128)):
        parts += [depthwise_bn(inputs, act=None), pointwise_bn(inputs, outputs)]
    return nn.Sequential(*parts)


class ContextBranch(nn.Module):
    """(N, 3, H, W) -> (N, 128, H / 8, W / 8)."""

    def __init__(self) -> None:
        super().__init__()
        channels = (32, 32, 32, 48, 48, 48, 64, 64, 64, 96, 96, 128, 128)
        strides, expansions = (1, 1, 2, 1, 1, 2, *[1] * 6), (1, *[6] * 11)
        self.conv_init = conv_bn(3, 32, stride=2)
        self.bottlenecks = nn.Sequential(*map(InvertedResidual, channels, channels[1:], strides, expansions))
        self.conv_last = conv_bn(128, 128)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_last(self.bottlenecks(self.conv_init(x)))


class FeatureFusion(nn.Module):
    """Adds the upsampled context to the detail."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch_1_conv = nn.Conv2d(channels, channels, 1, bias=False)
        self.branch_4_conv = nn.Sequential(
            separable(channels, channels, dilation=4, act=None), nn.Conv2d(channels, channels, 1, bias=False)
        )
        self.act = nn.ReLU()

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        return self.act(self.branch_1_conv(detail) + self.branch_4_conv(resize(context, detail)))


class ContextNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W): details from the image, context from it at quarter size."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.full_res_branch = _detail_branch()
        self.lower_res_branch = ContextBranch()
        self.feature_fusion = FeatureFusion(128)
        self.classifier = conv_bn(128, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        context = self.lower_res_branch(shrink(image, 4))
        fused = self.feature_fusion(self.full_res_branch(image), context)
        return resize(self.classifier(fused), image)


def contextnet(classes: int = 19) -> nn.Module:
    """ContextNet."""
    return ContextNet(classes)
