"""Mixing the channels of groups."""

from __future__ import annotations

from torch import Tensor

__all__ = ["channel_shuffle"]


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """(N, C, H, W) -> (N, C, H, W): channel i of group g becomes channel i * groups + g.

    Source: Zhang et al., ShuffleNet, https://arxiv.org/abs/1707.01083, section 3.1.
    """
    n, channels, height, width = x.shape
    return x.view(n, groups, channels // groups, height, width).transpose(1, 2).reshape(n, channels, height, width)
