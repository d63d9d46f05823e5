"""BiSeNet: Bilateral Segmentation Network for Real-time Semantic Segmentation, ECCV 2018.

https://arxiv.org/abs/1808.00897. After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose
checkpoint loads.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.backbones.resnet import ResNet
from edgeseg.models.blocks.attention import AttentionRefinement, FeatureFusion
from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.head import segmentation_head
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "BiSeNetV1", "bisenetv1"]

CARD = Card(
    name="bisenetv1",
    title="BiSeNet: Bilateral Segmentation Network for Real-time Semantic Segmentation",
    paper="https://arxiv.org/abs/1808.00897",
    year=2018,
    framework="torch",
    published=Published(
        params_millions=13.32,
        miou_percent=74.91,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/bisenetv1.pth",
    ),
    sizes="sides that are a multiple of 32, or up to 7 less",
    deviation="35.33 G MAdds at 512x1024 where the published graph does 36.67 G: its attention convolves pooled maps "
    "expanded to full size, ours at 1x1, which is equal",
)


class ContextPath(nn.Module):
    """(N, 3, H, W) -> (N, 256, H / 16, W / 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNet()
        self.pool = AdaptiveAvgPool(1)
        self.arm_16, self.arm_32 = AttentionRefinement(256), AttentionRefinement(512)
        self.conv_16, self.conv_32 = nn.Conv2d(256, 256, 1, bias=False), nn.Conv2d(512, 256, 1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        *_, x16, x32 = self.backbone(image)
        context = self.conv_32(self.arm_32(x32) + self.pool(x32))
        return self.conv_16(self.arm_16(x16)) + resize(context, x16)


class BiSeNetV1(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.spatial_path = nn.Sequential(*(conv_bn(inputs, 128, stride=2) for inputs in (3, 128, 128)))
        self.context_path = ContextPath()
        self.ffm = FeatureFusion(128 + 256, 256)
        self.seg_head = segmentation_head(256, classes)

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=32, rounding=8)
        detail = self.spatial_path(image)
        context = resize(self.context_path(image), detail)
        return resize(self.seg_head(self.ffm(detail, context)), image)


def bisenetv1(classes: int = 19) -> nn.Module:
    """BiSeNet on ResNet-18."""
    return BiSeNetV1(classes)
