"""ICNet for Real-Time Semantic Segmentation on High-Resolution Images, ECCV 2018, https://arxiv.org/abs/1704.08545.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads: on ResNet-18 where
the paper has ResNet-50.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.backbones.resnet import CHANNELS, ResNet
from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.head import segmentation_head
from edgeseg.models.blocks.pooling import PyramidPooling
from edgeseg.models.blocks.resize import check_size, resize, shrink

__all__ = ["CARD", "TRAINING_ONLY", "ICNet", "icnet"]

CARD = Card(
    name="icnet",
    title="ICNet for Real-Time Semantic Segmentation on High-Resolution Images",
    paper="https://arxiv.org/abs/1704.08545",
    year=2018,
    framework="torch",
    published=Published(
        params_millions=12.42,
        miou_percent=69.65,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/icnet.pth",
    ),
    sizes="sides that are a multiple of 32, or up to 7 less",
    deviation="16.96 G MAdds at 512x1024 where the published graph does 38.43 G: it runs the whole backbone on the "
    "half-size image and drops the last two stages' result, ours stops before them, which is equal",
)

TRAINING_ONLY = ("cff42.classifier", "cff21.classifier")


class CascadeFeatureFusion(nn.Module):
    """(N, deep, H, W) and (N, fine, 2 * H, 2 * W) -> (N, outputs, 2 * H, 2 * W), and the upsampled deep map."""

    def __init__(self, deep: int, fine: int, outputs: int, classes: int, *, aux: bool) -> None:
        super().__init__()
        self.conv1 = conv_bn(deep, outputs, dilation=2, act=None)
        self.conv2 = conv_bn(fine, outputs, 1, act=None)
        if aux:
            self.classifier = segmentation_head(deep, classes)
        self.relu = nn.ReLU()

    def forward(self, deep: Tensor, fine: Tensor) -> tuple[Tensor, Tensor]:
        deep = resize(deep, fine)
        return self.relu(self.conv1(deep) + self.conv2(fine)), deep


class ICNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W).

    In training with `aux` a tuple, with the auxiliary logits at strides 16 and 8 behind.
    """

    def __init__(self, classes: int, *, aux: bool) -> None:
        super().__init__()
        self.backbone = ResNet(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4))
        self.bottom_branch = nn.Sequential(
            conv_bn(3, 32, stride=2), conv_bn(32, 64, stride=2), conv_bn(64, 128, stride=2)
        )
        self.ppm = PyramidPooling(CHANNELS[3], 256, bias=False)
        self.cff42 = CascadeFeatureFusion(256, CHANNELS[1], 128, classes, aux=aux)
        self.cff21 = CascadeFeatureFusion(128, 128, 128, classes, aux=aux)
        self.seg_head = segmentation_head(128, classes)
        self.upsample = nn.UpsamplingBilinear2d(scale_factor=2)
        self.aux = aux

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        check_size(image, CARD, multiple=32, rounding=8)
        quarter = self.ppm(self.backbone(shrink(image, 4))[-1])
        half = self.backbone(shrink(image, 2), depth=2)[-1]
        half, deep = self.cff42(quarter, half)
        whole, deeper = self.cff21(half, self.bottom_branch(image))
        logits = resize(self.seg_head(self.upsample(whole)), image)
        if self.aux and self.training:
            return logits, self.cff42.classifier(deep), self.cff21.classifier(deeper)
        return logits


def icnet(classes: int = 19, *, aux: bool = False) -> nn.Module:
    """ICNet on ResNet-18; with `aux` it has the two auxiliary heads, which only a network in training mode runs."""
    return ICNet(classes, aux=aux)
