"""The inverted residual of MobileNetV2."""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.models.blocks.conv import conv_bn, depthwise_bn, pointwise_bn

__all__ = ["InvertedResidual"]


class InvertedResidual(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride): expand by 1x1, depthwise 3x3, project linearly by 1x1.

    The input is added where its shape allows. Source: Sandler et al., MobileNetV2, https://arxiv.org/abs/1801.04381.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, expansion: int = 6) -> None:
        super().__init__()
        hidden = expansion * inputs
        self.residual = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            pointwise_bn(inputs, hidden),
            depthwise_bn(hidden, stride=stride),
            conv_bn(hidden, outputs, 1, act=None),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.residual else self.conv(x)
