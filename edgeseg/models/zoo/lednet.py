"""LEDNet: A Lightweight Encoder-Decoder Network for Real-Time Semantic Segmentation, ICIP 2019.

https://arxiv.org/abs/1905.02423. After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose
checkpoint loads. Its decoder's pyramid has 128 channels and 3x3 convolutions throughout: 1.46 M parameters where the
paper states 0.94 M.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.downsample import PoolingDownsample
from edgeseg.models.blocks.factorized import SplitShuffle
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import resize

__all__ = ["CARD", "LEDNet", "lednet"]

CARD = Card(
    name="lednet",
    title="LEDNet: A Lightweight Encoder-Decoder Network for Real-Time Semantic Segmentation",
    paper="https://arxiv.org/abs/1905.02423",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=1.46,
        miou_percent=72.63,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.1/lednet.pth",
    ),
    sizes="any size",
)


class AttentionPyramid(nn.Module):
    """(N, inputs, H, W) -> (N, classes, H, W): class maps gated by a pyramid, with the whole map's mean added."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.left_conv1_1 = conv_bn(inputs, inputs, stride=2)
        self.left_conv1_2 = conv_bn(inputs, classes)
        self.left_conv2_1 = conv_bn(inputs, inputs, stride=2)
        self.left_conv2_2 = conv_bn(inputs, classes)
        self.left_conv3 = nn.Sequential(conv_bn(inputs, inputs, stride=2), conv_bn(inputs, classes))
        self.mid_branch = conv_bn(inputs, classes)
        self.right_branch = nn.Sequential(AdaptiveAvgPool(1), conv_bn(inputs, classes))

    def forward(self, x: Tensor) -> Tensor:
        half = self.left_conv1_1(x)
        quarter = self.left_conv2_1(half)
        gate = resize(self.left_conv3(quarter), quarter) + self.left_conv2_2(quarter)
        gate = resize(gate, half) + self.left_conv1_2(half)
        return self.mid_branch(x) * resize(gate, x) + self.right_branch(x)


class LEDNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            PoolingDownsample(3, 32),
            *(SplitShuffle(32) for _ in range(3)),
            PoolingDownsample(32, 64),
            *(SplitShuffle(64) for _ in range(2)),
            PoolingDownsample(64, 128),
            *(SplitShuffle(128, dilation) for dilation in (1, 2, 5, 9, 2, 5, 9, 17)),
        )
        self.apn = AttentionPyramid(128, classes)

    def forward(self, image: Tensor) -> Tensor:
        return resize(self.apn(self.encoder(image)), image)


def lednet(classes: int = 19) -> nn.Module:
    """LEDNet."""
    return LEDNet(classes)
