"""ResNet, Deep Residual Learning for Image Recognition, CVPR 2016, https://arxiv.org/abs/1512.03385.

Named and ordered as torchvision's, whose ImageNet files load when their classifier `fc` is left out.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from edgeseg.models.backbones.torchvision import TorchvisionFile

__all__ = ["CHANNELS", "RESNET18", "Repeats", "ResNet"]

Repeats = tuple[int, int, int, int]
"""Blocks of the four stages."""

RESNET18: Repeats = (2, 2, 2, 2)
CHANNELS = (64, 128, 256, 512)


class BasicBlock(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride). Its first convolution alone is dilated."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        if stride > 1 or inputs != outputs:
            self.downsample: nn.Module = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        else:
            self.downsample = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + self.downsample(x))


class ResNet(nn.Module):
    """(N, 3, H, W) -> the maps of the four stages, of `CHANNELS`, by default at strides 4, 8, 16 and 32.

    `strides` and `dilations` are those of each stage's first block; its other blocks have neither. `depth` stages run.
    """

    torchvision: ClassVar[TorchvisionFile] = TorchvisionFile(ignored=("fc.",), absent=("layer1.0.downsample.",))

    def __init__(
        self,
        repeats: Repeats = RESNET18,
        strides: tuple[int, int, int, int] = (1, 2, 2, 2),
        dilations: tuple[int, int, int, int] = (1, 1, 1, 1),
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = (64, *CHANNELS[:-1])
        self.layer1, self.layer2, self.layer3, self.layer4 = map(_stage, inputs, CHANNELS, repeats, strides, dilations)

    def forward(self, image: Tensor, depth: int = 4) -> tuple[Tensor, ...]:
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        maps = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4)[:depth]:
            maps.append(x := stage(x))
        return tuple(maps)


def _stage(inputs: int, outputs: int, blocks: int, stride: int, dilation: int) -> nn.Sequential:
    first = BasicBlock(inputs, outputs, stride, dilation)
    return nn.Sequential(first, *(BasicBlock(outputs, outputs) for _ in range(blocks - 1)))
