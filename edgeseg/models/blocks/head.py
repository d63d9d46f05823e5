"""What turns features into logits."""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.models.blocks.abn import ABN
from edgeseg.models.blocks.conv import conv_bn

__all__ = ["PreactivationHead", "segmentation_head"]


def segmentation_head(inputs: int, classes: int, hidden: int = 128) -> nn.Sequential:
    """(N, inputs, H, W) -> (N, classes, H, W): a 3x3 convolution, normalised and rectified, and a 1x1."""
    return nn.Sequential(conv_bn(inputs, hidden), nn.Conv2d(hidden, classes, 1, bias=False))


class PreactivationHead(nn.Module):
    """(N, inputs, H, W) -> (N, classes, H, W): a dilated 3x3 convolution and a 1x1, each behind its normalisation."""

    def __init__(self, inputs: int, classes: int, slope: float = 0.1) -> None:
        super().__init__()
        self.norm = nn.ModuleDict({"1": ABN(inputs, slope), "2": ABN(inputs, slope)})
        self.conv = nn.ModuleDict(
            {
                "1": nn.Conv2d(inputs, inputs, 3, padding=2, dilation=2, bias=False),
                "2": nn.Conv2d(inputs, classes, 1),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        for part in ("1", "2"):
            x = self.conv[part](self.norm[part](x))
        return x
