"""Fast-SCNN: Fast Semantic Segmentation Network, BMVC 2019, https://arxiv.org/abs/1902.04502.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Unlike the paper's
its 1x1 convolutions have a bias before the normalisation, and its logits are normalised and rectified.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn, depthwise_bn, pointwise_bn, separable
from edgeseg.models.blocks.inverted import InvertedResidual
from edgeseg.models.blocks.pooling import PyramidPooling
from edgeseg.models.blocks.resize import resize

__all__ = ["CARD", "RENAMED", "FastSCNN", "fastscnn"]

CARD = Card(
    name="fastscnn",
    title="Fast-SCNN: Fast Semantic Segmentation Network",
    paper="https://arxiv.org/abs/1902.04502",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=1.02,
        miou_percent=69.37,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/fastscnn.pth",
    ),
    sizes="any size",
    weights="fastscnn_scenes.safetensors",
    weights_command="edgeseg train fastscnn --steps 2000 --batch 8 --lr 0.004 --warmup 50 --balance 0.4",
)

_BOTTLENECKS = "global_feature_extractor.bottleneck"
RENAMED = {
    f"{_BOTTLENECKS}{stage}.{i}": f"{_BOTTLENECKS}s.{first + i}"
    for stage, first, count in ((1, 0, 3), (2, 3, 2), (3, 5, 3))
    for i in range(count)
}


class GlobalFeatureExtractor(nn.Module):
    """(N, 64, H, W) -> (N, 128, H / 4, W / 4)."""

    def __init__(self) -> None:
        super().__init__()
        channels, strides = (64, 64, 64, 64, 96, 96, 128, 128, 128), (2, 1, 1, 2, 1, 1, 1, 1)
        self.bottlenecks = nn.Sequential(*map(InvertedResidual, channels, channels[1:], strides))
        self.ppm = PyramidPooling(128, 128)

    def forward(self, x: Tensor) -> Tensor:
        return self.ppm(self.bottlenecks(x))


class FeatureFusion(nn.Module):
    """Adds the upsampled deep features to the detail of the learned downsampling."""

    def __init__(self, higher: int, lower: int, outputs: int) -> None:
        super().__init__()
        self.higher_res_conv = nn.Conv2d(higher, outputs, 1, bias=False)
        self.lower_res_conv = nn.Sequential(depthwise_bn(lower), nn.Conv2d(lower, outputs, 1, bias=False))
        self.non_linear = nn.Sequential(nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, higher: Tensor, lower: Tensor) -> Tensor:
        lower = self.lower_res_conv(resize(lower, higher))
        return self.non_linear(self.higher_res_conv(higher) + lower)


class FastSCNN(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.learning_to_downsample = nn.Sequential(
            conv_bn(3, 32, stride=2), separable(32, 48, 2), separable(48, 64, 2)
        )
        self.global_feature_extractor = GlobalFeatureExtractor()
        self.feature_fusion = FeatureFusion(64, 128, 128)
        self.classifier = nn.Sequential(separable(128, 128), separable(128, 128), pointwise_bn(128, classes))

    def forward(self, image: Tensor) -> Tensor:
        detail = self.learning_to_downsample(image)
        fused = self.feature_fusion(detail, self.global_feature_extractor(detail))
        return resize(self.classifier(fused), image)


def fastscnn(classes: int = 19) -> nn.Module:
    """Fast-SCNN."""
    return FastSCNN(classes)
