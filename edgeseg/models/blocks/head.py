"""What turns features into logits."""

from __future__ import annotations

from torch import nn

from edgeseg.models.blocks.conv import conv_bn

__all__ = ["segmentation_head"]


def segmentation_head(inputs: int, classes: int, hidden: int = 128) -> nn.Sequential:
    """(N, inputs, H, W) -> (N, classes, H, W): a 3x3 convolution, normalised and rectified, and a 1x1."""
    return nn.Sequential(conv_bn(inputs, hidden), nn.Conv2d(hidden, classes, 1, bias=False))
