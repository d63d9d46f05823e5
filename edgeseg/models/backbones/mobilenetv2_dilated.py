"""MobileNetV2 of Sandler et al., CVPR 2018, https://arxiv.org/abs/1801.04381, dilated from stride 8 on.

After LightNet of ansleliu: every stage past stride 8 is dilated in all its blocks, and the first stage's block too
begins with a 1x1 convolution.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from edgeseg.models.blocks.conv import conv_bn, depthwise_bn

__all__ = ["CHANNELS", "stages"]

_PLAN = (  # Expansion, channels, blocks, stride of the first, dilation.
    (1, 16, 1, 1, 1),
    (6, 24, 2, 2, 1),
    (6, 32, 3, 2, 1),
    (6, 64, 4, 1, 2),
    (6, 96, 3, 1, 4),
    (6, 160, 3, 1, 8),
    (6, 320, 1, 1, 16),
)

CHANNELS = tuple(channels for _, channels, *_ in _PLAN)
"""Of the stages behind the first, at strides 2, 4 and then 8."""


class InvertedResidual(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride): 1x1, depthwise 3x3 and linear 1x1 convolutions."""

    def __init__(self, inputs: int, outputs: int, stride: int, dilation: int, expansion: int) -> None:
        super().__init__()
        hidden = expansion * inputs
        self.residual = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            *conv_bn(inputs, hidden, 1, act=nn.ReLU6),
            *depthwise_bn(hidden, stride=stride, dilation=dilation, act=nn.ReLU6),
            *conv_bn(hidden, outputs, 1, act=None),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.residual else self.conv(x)


def stages() -> tuple[nn.Sequential, ...]:
    """Eight stages: (N, 3, H, W) -> 32 channels at stride 2, then CHANNELS."""
    found = [nn.Sequential(OrderedDict(conv1=conv_bn(3, 32, stride=2)))]
    inputs = 32
    for expansion, outputs, count, stride, dilation in _PLAN:
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        for i in range(count):
            block = InvertedResidual(inputs, outputs, 1 if i else stride, dilation, expansion)
            blocks[f"block{i + 1}"] = block
            inputs = outputs
        found.append(nn.Sequential(blocks))
    return tuple(found)
