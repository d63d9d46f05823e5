"""Pooling to a fixed grid, written with operators that every runtime has in int8."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgeseg.models.blocks.conv import Activation, conv_bn
from edgeseg.models.blocks.resize import resize

__all__ = ["AdaptiveAvgPool", "PyramidPooling"]


class AdaptiveAvgPool(nn.Module):
    """(N, C, H, W) -> (N, C, out, out), the function of torch's AdaptiveAvgPool2d.

    Cell i is the mean of rows floor(i * H / out) to ceil((i + 1) * H / out), columns likewise. Where `out` divides both
    sides this is an average pool. Elsewhere the windows differ in length: one mean a window is concatenated, first over
    the rows and then over the columns. Exporters turn torch's own operator into chains of gathers there (2.3 ms for a
    pyramid of 128 channels on 16x32 in TFLite, 0.4 ms so), and int8 would round a matrix product's 1/3 and 1/4.
    """

    def __init__(self, out: int) -> None:
        super().__init__()
        self.out = out

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if self.out == 1:
            return x.mean((2, 3), keepdim=True)
        if height % self.out == 0 and width % self.out == 0:
            return F.avg_pool2d(x, (height // self.out, width // self.out))
        x = torch.cat([x[:, :, a:b].mean(2, keepdim=True) for a, b in self._windows(height)], 2)
        return torch.cat([x[:, :, :, a:b].mean(3, keepdim=True) for a, b in self._windows(width)], 3)

    def _windows(self, side: int) -> list[tuple[int, int]]:
        return [(i * side // self.out, -(-(i + 1) * side // self.out)) for i in range(self.out)]

    def extra_repr(self) -> str:
        return f"out={self.out}"


class PyramidPooling(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H, W): the map beside its means over four grids, mixed by a 1x1 convolution.

    Source: Zhao et al., Pyramid Scene Parsing Network, CVPR 2017; here without normalisation in the branches.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        grids: tuple[int, int, int, int] = (1, 2, 4, 6),
        act: Activation = nn.ReLU,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.stage1, self.stage2, self.stage3, self.stage4 = (
            nn.Sequential(AdaptiveAvgPool(grid), nn.Conv2d(inputs, inputs // 4, 1, bias=False)) for grid in grids
        )
        self.conv = conv_bn(2 * inputs, outputs, 1, bias=bias, act=act)

    def forward(self, x: Tensor) -> Tensor:
        stages = (self.stage1, self.stage2, self.stage3, self.stage4)
        return self.conv(torch.cat([x, *(resize(stage(x), x) for stage in stages)], 1))
