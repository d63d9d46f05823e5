"""Batch normalisation and a leaky ReLU in one."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["ABN"]


class ABN(nn.Module):
    """(N, C, H, W) -> the same, normalised and passed through a leaky ReLU; with a slope of 0 a plain one.

    The function of InPlaceABN at inference, Rota Bulo et al., https://arxiv.org/abs/1712.02616, without writing the
    result over its input.
    """

    def __init__(self, channels: int, slope: float = 0.1) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.act = nn.LeakyReLU(slope) if slope else nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(x))
