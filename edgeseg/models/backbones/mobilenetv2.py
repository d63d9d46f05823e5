"""MobileNetV2 of Sandler et al., CVPR 2018, https://arxiv.org/abs/1801.04381, without its last convolution."""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

from torch import Tensor, nn

from edgeseg.models.backbones.torchvision import TorchvisionFile
from edgeseg.models.blocks.conv import conv_bn, depthwise_bn

__all__ = ["MobileNetV2"]

_PLAN = (  # Expansion, channels, blocks, stride of the first: the paper's table 2.
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_LAYERS = {"layer1": range(4), "layer2": range(4, 7), "layer3": range(7, 14), "layer4": range(14, 18)}


class InvertedResidual(nn.Module):
    """1x1 to `expansion` times the channels, depthwise 3x3, linear 1x1; torchvision's names within."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = expansion * inputs
        self.residual = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            *([conv_bn(inputs, hidden, 1, act=nn.ReLU6)] if expansion > 1 else []),
            depthwise_bn(hidden, stride=stride, act=nn.ReLU6),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(nn.Module):
    """(N, 3, H, W) -> 24, 32, 96 and 320 channels at strides 4, 8, 16 and 32.

    Block i is torchvision's `features.i`, here in the layer at whose stride it ends: `layer2.4`, for example.
    """

    torchvision: ClassVar[TorchvisionFile] = TorchvisionFile(
        renamed={f"features.{i}": f"{layer}.{i}" for layer, blocks in _LAYERS.items() for i in blocks},
        ignored=("features.18.", "classifier."),
    )

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [conv_bn(3, 32, stride=2, act=nn.ReLU6)]
        inputs = 32
        for expansion, outputs, count, stride in _PLAN:
            for i in range(count):
                blocks.append(InvertedResidual(inputs, outputs, stride if i == 0 else 1, expansion))
                inputs = outputs
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(OrderedDict((str(i), blocks[i]) for i in layer)) for layer in _LAYERS.values()
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x4 = self.layer1(image)
        x8 = self.layer2(x4)
        x16 = self.layer3(x8)
        return x4, x8, x16, self.layer4(x16)
